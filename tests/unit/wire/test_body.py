from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from emberway.wire.body import remove, set_value, update

steady = settings(derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The same examples on every machine, however busy it is."""

BODY = b'{ "a" : 1e2, "list":[ {"x": 1.50}, {"y" : "\\u0041"} ], "b":{ "c" : null } }'


def test_a_value_is_replaced_in_its_place_and_its_neighbours_keep_their_bytes():
    assert set_value(BODY, ("list", 1, "y"), b"7") == b'{"a":1e2,"list":[{"x": 1.50},{"y":7}],"b":{ "c" : null }}'


def test_a_missing_last_key_is_added():
    assert set_value(BODY, ("b", "d"), b"[1, 2]") == (
        b'{"a":1e2,"list":[ {"x": 1.50}, {"y" : "\\u0041"} ],"b":{"c":null,"d":[1, 2]}}'
    )


def test_a_key_or_an_item_is_removed_and_its_neighbours_keep_their_bytes():
    assert remove(BODY, ("a",)) == b'{"list":[ {"x": 1.50}, {"y" : "\\u0041"} ],"b":{ "c" : null }}'
    assert remove(BODY, ("list", 0)) == b'{"a":1e2,"list":[{"y" : "\\u0041"}],"b":{ "c" : null }}'


@pytest.mark.parametrize("path", [("z",), ("b", "z"), ("list", 2), ("list", 0, "z"), ("z", "a"), ("list", 9, "x")])
def test_what_is_not_there_cannot_be_removed(path):
    with pytest.raises((KeyError, IndexError)):
        remove(BODY, path)


@pytest.mark.parametrize("path", [("z", "a"), ("list", 9, "x"), ("list", 2)])
def test_nothing_is_set_where_the_way_is_missing(path):
    with pytest.raises((KeyError, IndexError)):
        set_value(BODY, path, b"1")


def test_several_keys_are_replaced_added_and_removed_at_once():
    assert update(BODY, {"a": b"[ ]", "b": None, "new": b'"n"', "absent": None}) == (
        b'{"a":[ ],"list":[ {"x": 1.50}, {"y" : "\\u0041"} ],"new":"n"}'
    )


TEXT = st.text('ab "\\{}[],:/\n\té\u2028\U0001f600', max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=12,
)
OBJECT = st.dictionaries(TEXT, JSON, min_size=1, max_size=5)
SPELLING = st.builds(
    lambda indent, ascii_only: lambda value: json.dumps(value, indent=indent, ensure_ascii=ascii_only).encode(),
    st.sampled_from([None, 0, 3]),
    st.booleans(),
)


def values(text: bytes) -> dict[str, bytes]:
    return {key: bytes(raw) for key, raw in msgspec.json.decode(text, type=dict[str, Raw]).items()}


@steady
@given(OBJECT, SPELLING, st.data())
def test_whatever_is_set_every_other_value_keeps_its_bytes(value, spell, data):
    text = spell(value)
    key = data.draw(st.sampled_from(sorted(value)) | TEXT)

    changed = set_value(text, (key,), b'{ "new" : 1 }')

    assert values(changed) == {**values(text), key: b'{ "new" : 1 }'}
    assert list(values(changed))[: len(value)] == list(value)


@steady
@given(OBJECT, SPELLING, st.data())
def test_whatever_is_removed_every_other_value_keeps_its_bytes(value, spell, data):
    text = spell(value)
    key = data.draw(st.sampled_from(sorted(value)))

    changed = remove(text, (key,))

    assert values(changed) == {name: raw for name, raw in values(text).items() if name != key}


@steady
@given(OBJECT, SPELLING, st.data())
def test_a_change_deep_inside_is_the_change_that_was_asked_for_and_no_other(value, spell, data):
    path = data.draw(st.sampled_from(list(paths(value))))
    wanted = json.loads(json.dumps(value))
    *way, last = path
    inside: Any = wanted
    for step in way:
        inside = inside[step]
    text = spell(value)

    inside[last] = "new"
    assert json.loads(set_value(text, path, b'"new"')) == wanted
    del inside[last]
    assert json.loads(remove(text, path)) == wanted


@steady
@given(OBJECT, SPELLING, st.dictionaries(TEXT, st.none() | JSON.map(lambda value: json.dumps(value).encode())))
def test_an_update_is_the_sum_of_its_changes(value, spell, changes):
    text = spell(value)

    changed = values(update(text, changes))

    assert changed == {key: raw for key, raw in {**values(text), **changes}.items() if raw is not None}


@steady
@given(OBJECT)
def test_of_a_key_given_twice_the_last_value_stays_which_is_what_readers_take(value):
    key = next(iter(value))
    assume(key != "new")
    text = b'{%s:"first",%s' % (json.dumps(key).encode(), json.dumps(value).encode()[1:])

    assert json.loads(update(text, {"new": b"1"})) == {**value, "new": 1}


def paths(value: Any, so_far: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Every place inside a value."""
    if isinstance(value, dict):
        steps: list[tuple[str | int, Any]] = list(value.items())
    elif isinstance(value, list):
        steps = list(enumerate(value))
    else:
        return []
    return [found for step, inner in steps for found in [(*so_far, step), *paths(inner, (*so_far, step))]]
