"""The published schema and the compiler say the same of every config, but for what no schema can say."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.examples import examples

from emberway.errors import InvalidConfig
from emberway.routing.config import compile_config
from emberway.routing.config_fields import RECORDS
from emberway.routing.schema import BEYOND, config_schema

Config = dict[str, Any]

SCHEMA = config_schema()

BEYOND_A_SCHEMA = (
    r"is the name of no target beside its strategy",
    r"and so is another target's beside it",
    r"add up to",
    r"strategies inside each other",
    r"more than 2,000 targets",
    r"nests deeper than",
    r"entries with those it inherits",
    r"is \".*\". Write a provider that this gateway speaks to",
    r"(aws|Aws|vertex).* is the same field as",
    r"\.query.*(cannot be used|cannot be read|begins with one|at most)",
)
"""What the compiler says when it refuses a config for a reason of BEYOND."""


def _refuse(address: str) -> NoReturn:
    raise AssertionError(f"the schema refers to {address}")


VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA, retriever=_refuse)


def refusal(config: Any) -> str | None:
    try:
        compile_config(json.dumps(config))
    except InvalidConfig as error:
        return error.message
    return None


def disagreement(config: Any) -> str | None:
    """What one of the two has against a config that the other accepts, or ``None``."""
    found = refusal(config)
    if found is None and not VALIDATOR.is_valid(config):
        return f"only the schema refuses it: {[str(error)[:300] for error in VALIDATOR.iter_errors(config)]}"
    if found is not None and VALIDATOR.is_valid(config) and not any(re.search(way, found) for way in BEYOND_A_SCHEMA):
        return f"only the compiler refuses it: {found}"
    return None


# What follows is written from the documentation of configs and not from the table of fields, which would agree with
# itself.


def optional(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Config]:
    return st.fixed_dictionaries({}, optional=fields)


TEXT = st.sampled_from(["a", "b", "main", "x y", "é"])
STATUSES = st.lists(st.integers(100, 599), max_size=3)
SHARE = st.sampled_from([0, 0.1, 0.5, 1, 1.0])
BODY = st.dictionaries(TEXT, st.none() | st.integers(-5, 5) | TEXT | st.lists(st.booleans(), max_size=2), max_size=3)
RETRY = optional(attempts=st.integers(0, 5), on_status_codes=STATUSES, use_retry_after_header=st.booleans()) | optional(
    attempts=st.sampled_from([0, 2.0]), onStatusCodes=STATUSES, useRetryAfterHeaders=st.booleans()
)
CACHE = st.sampled_from(["simple", "semantic"]) | optional(
    mode=st.sampled_from(["simple", "semantic"]), max_age=st.integers(0, 99)
)
BREAKER = st.fixed_dictionaries(
    {"cooldown_interval": st.sampled_from([0, 30000, 60000.5])},
    optional={"minimum_requests": st.integers(1, 9), "failure_status_codes": STATUSES},
).flatmap(
    lambda said: st.sampled_from(
        [
            said | {"failure_threshold": 3},
            said | {"failure_threshold_percentage": 12.5},
            said | {"failure_threshold": 1, "failure_threshold_percentage": 100},
        ]
    )
)
STICKY = optional(
    enabled=st.booleans(),
    hash_fields=st.lists(st.sampled_from(["metadata.user", "params.a.b", "headers.X-User", "headers.x_b"]), max_size=2),
    ttl=st.sampled_from([1, 0.5, 3600]),
)
HEDGE = optional(after=st.sampled_from(["p95", 1, 250.5]), max_share=SHARE)
COMPARISON = st.sampled_from(
    [1, "a", None, True, [1], {}, {"$eq": "a"}, {"$ne": None}, {"$gt": 1, "$lte": "2.5"}, {"$in": ["a", 1]},
     {"$nin": []}, {"$regex": "^a.*b$"}, {"$regex": "(?=a)"}, {"$gt": "soon"}]
)  # fmt: skip
QUERY = st.recursive(
    st.dictionaries(
        st.sampled_from(["metadata.a", "metadata.a b", "params.model", "params.a.b", "params.a[0].b", "url.pathname"]),
        COMPARISON,
        max_size=2,
    ),
    lambda below: st.dictionaries(
        st.sampled_from(["$and", "$or"]), st.lists(below, min_size=1, max_size=2), min_size=1
    ),
    max_leaves=4,
)
LEAF = optional(
    name=TEXT,
    weight=st.sampled_from([0, 1, 0.25, 7.5]),
    provider=st.sampled_from(["openai", "@prod", "@prod/m"]),
    api_key=TEXT,
    virtual_key=TEXT,
    override_params=BODY,
    default_params=BODY,
    drop_params=st.lists(st.sampled_from(["a", "a.b[0].c", "a[*][1].b", "x y"]), max_size=3),
    retry=RETRY,
    cache=CACHE,
    request_timeout=st.sampled_from([1, 1000, 5.0]),
    custom_host=st.sampled_from(["https://a.b/v1", "nonsense that is looked at later"]),
    forward_headers=st.lists(st.sampled_from(["x-a", "X_B", "Traceparent"]), max_size=2),
    strict_open_ai_compliance=st.booleans(),
    passthrough=st.booleans() | BODY,
    metadata=BODY,
    aws_region=TEXT,
    vertexServiceAccountJson=BODY,
)


def group(targets: st.SearchStrategy[Config]) -> st.SearchStrategy[Config]:
    return st.tuples(optional(hedge=HEDGE), LEAF, st.lists(targets, min_size=1, max_size=3)).flatmap(_group)


def _group(parts: tuple[Config, Config, list[Config]]) -> st.SearchStrategy[Config]:
    hedge, own, targets = parts
    named = [{**target, "name": f"t{at}"} for at, target in enumerate(targets)]
    name = st.sampled_from([target["name"] for target in named])
    condition = st.fixed_dictionaries({"query": QUERY, "then": name})
    common = {"on_status_codes": STATUSES, "cb_config": BREAKER}
    strategy = st.one_of(
        st.fixed_dictionaries({"mode": st.sampled_from(["single", "fallback"])}, optional=common),
        st.fixed_dictionaries({"mode": st.just("loadbalance")}, optional={**common, "sticky": STICKY}),
        st.fixed_dictionaries({"mode": st.just("loadbalance")}, optional={"stickySession": STICKY}),
        st.fixed_dictionaries(
            {"mode": st.just("conditional"), "conditions": st.lists(condition, min_size=1, max_size=2)},
            optional={**common, "default": name},
        ),
    )
    return strategy.map(lambda said: {**own, **hedge, "strategy": said, "targets": named})


CONFIG = st.builds(
    lambda config, shadow: config | shadow,
    st.recursive(LEAF, group, max_leaves=6),
    optional(
        shadow=st.fixed_dictionaries(
            {"target": LEAF}, optional={"share": SHARE, "max_concurrency": st.integers(1, 1000)}
        )
    ),
)

WRONG = st.sampled_from(
    [None, True, False, 0, 1, -1, 6, 99, 1e9, 0.5, -0.5, "", "a", "p95", "fallback", "conditional", "5", [], ["a"], [1],
     [None], [{}], {}, {"a": 1}, {"mode": "single"}, {"target": {}}, "x" * 300, "a..b", "@", "authorization",
     ["headers.x-api-key"], ["Cookie"]]
)  # fmt: skip
KEYS = st.sampled_from(
    ["zzz", "provider", "retry", "cache", "strategy", "targets", "hedge", "shadow", "sticky", "sticky_session",
     "conditions", "default", "mode", "overrideParams", "override_params", "cb_config", "options", "prompt_id",
     "input_guardrails", "attempts", "use_retry_after_headers", "onStatusCodes", "on_status_codes", "aws_region",
     "awsRegion", "awsregion", "weight", "name", "forwardHeaders", "drop_params", "$schema", "then", "query", "$gt",
     "$and", "$grt", "metadata", "metadata.", "params.a[", "url.path"]
)  # fmt: skip


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    """Every container in ``value`` with each of its keys or positions."""
    if isinstance(value, dict | list):
        for key, below in value.items() if isinstance(value, dict) else enumerate(value):
            yield value, key
            yield from places(below)


@st.composite
def damaged(draw: st.DrawFn) -> Any:
    """A config in which a few values are other ones, and a few fields are missing, misplaced or new."""
    config = copy.deepcopy(draw(CONFIG))
    for _ in range(draw(st.integers(1, 2))):
        where = list(places(config))
        container, key = draw(st.sampled_from(where)) if where else (config, "name")
        match draw(st.sampled_from(["replace", "remove", "add", "rename"])):
            case "remove" if key in container or isinstance(container, list):
                del container[key]
            case "rename" if isinstance(container, dict) and key in container:
                container[draw(KEYS)] = container.pop(key)
            case "add" if isinstance(container, dict):
                container[draw(KEYS)] = copy.deepcopy(draw(WRONG))
            case _:
                container[key] = copy.deepcopy(draw(WRONG))
    return config


@given(CONFIG)
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_both_accept_what_the_documentation_describes(config: Config) -> None:
    found = refusal(config)

    assert found is None or re.search(r"add up to|cannot be used|begins with one", found)
    assert disagreement(config) is None


@given(damaged())
@settings(max_examples=examples(250), suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@example({"strategy": {"mode": "loadbalance", "sticky": {}, "stickySession": {}}, "targets": [{}]})
@example({"override_params": {}, "overrideParams": {}})
@example({"hedge": {}})
@example({"shadow": {"target": {"targets": []}}})
@example({"retry": {"attempts": 2.0}})
def test_both_agree_on_damaged_configs(config: Any) -> None:
    assert disagreement(config) is None


@pytest.mark.parametrize(
    "config",
    [
        [], None, "pc-1", 5,
        {"drop_params": ["a[1]."]}, {"drop_params": ["a\n"]}, {"drop_params": ["\n"]},
        {"forward_headers": ["x-a\n"]}, {"forward_headers": ["AUTHORIZATION"]}, {"forward_headers": ["x_api_key"]},
        {"forward_headers": ["x-portkey-trace-id"]}, {"forward_headers": ["x"] * 101},
        {"aws": 1}, {"aws_": 1}, {"aws_region_": 1}, {"awsRegion": [1]}, {"vertex_region\n": 1},
        {"name": "x" * 256}, {"name": "x" * 257}, {"name": "\U0001f600" * 256}, {"api_key": "x" * 16_385},
        {"override_params": {str(at): 1 for at in range(129)}},
        {"weight": 1e308}, {"weight": 18446744073709551615}, {"request_timeout": 1e300},
    ],
)  # fmt: skip
def test_both_agree_at_the_edges(config: Any) -> None:
    assert disagreement(config) is None


def test_every_default_and_example_is_one() -> None:
    for record in RECORDS:
        for field in record.fields:
            rule = {"$ref": f"#/$defs/{record.name}/properties/{field.name}", "$defs": SCHEMA["$defs"]}
            said = SCHEMA["$defs"][record.name]["properties"][field.name]
            validator = jsonschema_rs.Draft202012Validator(rule, retriever=_refuse)
            for value in (*said.get("examples", ()), *([said["default"]] if "default" in said else ())):
                assert validator.is_valid(value), (record.name, field.name, value)


def test_every_field_is_described_and_every_object_is_closed() -> None:
    for name, definition in SCHEMA["$defs"].items():
        assert definition["description"]
        for key, said in definition.get("properties", {}).items():
            assert "description" in said or "$ref" in said, (name, key)
    for record in RECORDS:
        assert SCHEMA["$defs"][record.name]["additionalProperties"] is False


def test_what_no_schema_can_say_is_said_in_words() -> None:
    assert all(one in SCHEMA["description"] for one in BEYOND)
