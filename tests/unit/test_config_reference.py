"""docs/reference/config.md tells of every field of a config as the code reads it, and its examples are configs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from emberway.errors import InvalidConfig
from emberway.providers import PROVIDERS
from emberway.routing.comparison import OPERATORS
from emberway.routing.config import compile_config
from emberway.routing.config_fields import (
    BREAKER,
    CACHE,
    CONDITION,
    CONFIG,
    HEDGE,
    MOST_PARAMS,
    RECORDS,
    RETRY,
    SHADOW,
    STICKY,
    STRATEGY,
    UNUSED,
)
from emberway.routing.provider_settings import FAMILIES
from emberway.routing.records import Field, Record

PAGE = (Path(__file__).parents[2] / "docs/reference/config.md").read_text("utf-8")
EXAMPLES = re.findall(r"^### (.+?)\n.*?```json\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
SECTIONS = {
    "A config, and each of its targets": CONFIG,
    "strategy": STRATEGY,
    "conditions": CONDITION,
    "sticky": STICKY,
    "cb_config": BREAKER,
    "retry": RETRY,
    "cache": CACHE,
    "hedge": HEDGE,
    "shadow": SHADOW,
}


def section(title: str) -> str:
    return re.split(r"^##+ ", re.split(rf"^##+ {title}\n", PAGE, flags=re.MULTILINE)[1], flags=re.MULTILINE)[0]


def rows(title: str) -> dict[str, str]:
    """What a section's table says of each field, by name."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", section(title), re.MULTILINE))


def is_refused(field: Field) -> bool:
    return field.shape.schema() == {"not": {}}


def told(record: Record) -> list[Field]:
    """The fields of a record that do something, and so have a row."""
    silent = UNUSED if record is CONFIG else ()
    return [field for field in record.fields if not is_refused(field) and field.name not in silent]


def test_every_object_has_a_section() -> None:
    assert {*SECTIONS.values()} | {record for record in RECORDS if record.name in ("target", "leaf")} == {*RECORDS}


@pytest.mark.parametrize("title", SECTIONS)
def test_a_table_has_each_field_and_no_other(title: str) -> None:
    assert {*rows(title)} == {field.name for field in told(SECTIONS[title])}


@pytest.mark.parametrize("title", SECTIONS)
def test_a_table_says_what_stands_for_a_field_that_is_absent(title: str) -> None:
    for field in told(SECTIONS[title]):
        says = rows(title)[field.name].rpartition("|")[2].strip()
        if field.required:
            assert says == "required"
        elif isinstance(field.default, str | int | float | list | dict):
            assert says.startswith(f"`{json.dumps(field.default)}`"), field.name


def test_the_page_names_the_fields_that_are_refused_and_those_that_mean_nothing() -> None:
    refused = [field.name for field in CONFIG.fields if is_refused(field)]
    paragraphs = section("A config, and each of its targets").split("\n\n")
    of_refused = next(one for one in paragraphs if one.startswith("Refused"))
    of_unused = next(one for one in paragraphs if one.startswith("Accepted"))

    assert re.findall(r"`(\$?\w+)`", of_refused) == refused
    assert sorted(re.findall(r"`(\$?\w+)`", of_unused)) == sorted(UNUSED)


def test_the_page_names_the_families_of_settings() -> None:
    assert {*re.findall(r"`(\w+_)`", PAGE)} == {*FAMILIES}


def test_the_page_names_every_operator_of_a_query() -> None:
    assert {*re.findall(r"`(\$\w+)`", section("conditions"))} == {*OPERATORS, "$and", "$or"}


def test_the_page_says_how_many_body_fields_there_may_be() -> None:
    assert f"at most {MOST_PARAMS} entries" in PAGE


@pytest.mark.parametrize(("title", "text"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_is_a_config(title: str, text: str) -> None:
    assert compile_config(text, knows_provider=PROVIDERS.__contains__).version


def test_there_is_an_example_of_every_capability() -> None:
    assert [title for title, _ in EXAMPLES] == [
        "Fallback", "Load balancing", "Canary", "Conditions", "Retries and time-outs", "Circuit breaker", "Hedging",
        "Shadow traffic", "Changing the body",
    ]  # fmt: skip


def test_the_page_quotes_an_error_as_it_is_given() -> None:
    config = {"strategy": {"mode": "fallback", "on_status_code": [429]}, "targets": [{}]}
    with pytest.raises(InvalidConfig) as caught:
        compile_config(json.dumps(config))

    assert f"> {caught.value.message}" in PAGE
