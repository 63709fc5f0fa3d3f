from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql, sqlite

from emberway.storage.columns import Folded, Json, Key, Moment, folded

DIALECTS = [sqlite.dialect(), postgresql.dialect()]


def there_and_back(kind: Any, value: Any) -> Any:
    """What comes out of a column that ``value`` was put in."""
    of_sqlite, of_postgresql = (kind.process_result_value(kind.process_bind_param(value, one), one) for one in DIALECTS)
    assert of_sqlite == of_postgresql
    return of_sqlite


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Team", "tEAM"),
        ("straße", "STRASSE"),
        ("ﬁnance", "FINANCE"),
        ("Ｆｕｌｌ－ｗｉｄｔｈ", "full-width"),
        ("Zoe\u0308", "zoë"),
        ("Σίσυφος", "ΣΊΣΥΦΟΣ"),
        ("\u212bngström", "Ångström"),
        ("②", "2"),
    ],
)
def test_names_that_people_take_for_the_same_count_as_the_same(one: str, other: str) -> None:
    assert folded(one) == folded(other)


@pytest.mark.parametrize(("one", "other"), [("a-b", "ab"), ("a b", "ab"), ("é", "e"), ("0", "O"), ("а", "a")])
def test_names_that_differ_in_more_than_their_form_count_as_different(one: str, other: str) -> None:
    assert folded(one) != folded(other)


@given(st.text())
def test_a_folded_name_folds_to_itself(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text())
def test_case_never_makes_a_difference(text: str) -> None:
    assert folded(text.casefold()) == folded(text)


def test_a_name_is_folded_on_its_way_into_a_column_and_into_a_comparison() -> None:
    assert Folded().process_bind_param("Team", DIALECTS[0]) == "team"
    assert Folded().process_bind_param(None, DIALECTS[0]) is None


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_is_kept_to_the_microsecond(moment: datetime) -> None:
    assert there_and_back(Moment(), moment) == moment


def test_a_moment_of_another_time_zone_is_the_same_moment_in_utc() -> None:
    there = datetime(2026, 11, 23, 1, 30, tzinfo=timezone(timedelta(hours=2)))

    assert there_and_back(Moment(), there) == datetime(2026, 11, 22, 23, 30, tzinfo=UTC)


def test_a_moment_is_a_number_that_sorts_and_can_be_read() -> None:
    assert Moment().process_bind_param(datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC), DIALECTS[0]) == 1_000_005


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="a moment needs a time zone"):
        Moment().process_bind_param(datetime(2026, 1, 1), DIALECTS[0])


@pytest.mark.parametrize("value", [{"a": [1, 2.5, None, True, "é\x00"]}, [], {}, "text", 0, False])
def test_json_comes_back_as_it_was(value: object) -> None:
    assert repr(there_and_back(Json(), value)) == repr(value)


@pytest.mark.parametrize("kind", [Json(), Moment(), Folded()])
def test_nothing_stays_nothing(kind: Any) -> None:
    assert kind.process_bind_param(None, DIALECTS[0]) is None


def test_keys_sort_by_code_point_on_postgresql_too() -> None:
    compiled = [Key().compile(dialect=dialect) for dialect in DIALECTS]

    assert compiled == ["TEXT", 'TEXT COLLATE "C"']
