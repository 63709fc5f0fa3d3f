"""What a target takes over from the levels above it: one line of the specification's table for each test."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emberway.errors import InvalidConfig
from emberway.routing.config import compile_config
from emberway.routing.plan import Group, Hedge, Node, Plan, Retry, Target

Config = dict[str, Any]


def compiled(config: Config) -> Plan:
    return compile_config(json.dumps(config))


def around(*levels: Config, mode: str = "fallback") -> Config:
    """The levels inside each other, the outermost first; all but the last are groups of one."""
    *above, config = levels
    for level in reversed(above):
        config = {"strategy": {"mode": mode}, **level, "targets": [config]}
    return config


def innermost(*levels: Config) -> Target:
    node: Node = compiled(around(*levels)).root
    while isinstance(node, Group):
        node = node.nodes[0]
    return node


def test_forced_fields_are_merged_and_the_nearest_wins_field_by_field() -> None:
    target = innermost(
        {"override_params": {"model": "a", "temperature": 0, "stop": {"x": 1, "y": 2}}},
        {"override_params": {"temperature": 1}},
        {"override_params": {"stop": {"x": 3}}},
    )

    assert target.override_params == {"model": "a", "temperature": 1, "stop": {"x": 3}}


def test_default_fields_are_merged_like_forced_ones() -> None:
    assert innermost({"default_params": {"a": 1, "b": 1}}, {"default_params": {"b": 2}}).default_params == {
        "a": 1,
        "b": 2,
    }


def test_paths_to_drop_add_up_from_the_outside_in() -> None:
    target = innermost({"drop_params": ["a", "b"]}, {}, {"drop_params": ["c", "a"]})

    assert target.drop_params == ("a", "b", "c")


def test_retries_are_replaced_as_a_whole() -> None:
    above = {"retry": {"attempts": 3, "on_status_codes": [500], "use_retry_after_header": True}}

    assert innermost(above, {}, {}).retry == Retry(3, frozenset({500}), True)
    assert innermost(above, {}, {"retry": {"attempts": 1}}).retry == Retry(1)
    assert innermost(above, {"retry": {}}, {}).retry == Retry()


@pytest.mark.parametrize(
    ("field", "outer", "inner", "as_read"),
    [
        ("request_timeout", 1000, 2000, (1.0, 2.0)),
        ("custom_host", "https://a.b", "https://c.d", ("https://a.b", "https://c.d")),
        ("forward_headers", ["x-a", "x-b"], ["x-c"], (("x-a", "x-b"), ("x-c",))),
        ("strict_open_ai_compliance", False, True, (False, True)),
    ],
)
def test_a_single_setting_is_the_nearest_one(field: str, outer: Any, inner: Any, as_read: tuple[Any, Any]) -> None:
    assert getattr(innermost({field: outer}, {}, {}), field) == as_read[0]
    assert getattr(innermost({field: outer}, {field: inner}, {}), field) == as_read[1]
    assert getattr(innermost({field: outer}, {}, {field: inner}), field) == as_read[1]


def test_an_empty_list_of_headers_ends_what_is_inherited() -> None:
    assert innermost({"forward_headers": ["x-a"]}, {"forward_headers": []}).forward_headers == ()


def test_provider_keys_settings_weight_and_name_are_a_targets_own() -> None:
    own = {
        "provider": "openai", "api_key": "k", "virtual_key": "v", "aws_region": "eu", "weight": 3, "name": "n",
    }  # fmt: skip
    target = innermost(own, {})

    assert (target.provider, target.api_key, target.virtual_key) == (None, None, None)
    assert (target.settings, target.weight, target.name) == ({}, 1.0, None)


def test_what_one_target_says_is_nothing_to_the_next() -> None:
    config = {"strategy": {"mode": "fallback"}, "targets": [{"override_params": {"a": 1}, "request_timeout": 5}, {}]}
    root = compiled(config).root

    assert isinstance(root, Group)
    assert isinstance(root.nodes[1], Target)
    assert (root.nodes[1].override_params, root.nodes[1].request_timeout) == ({}, None)


def group_of(target: Config, mode: str = "fallback", breaker: int | None = None) -> Config:
    strategy: Config = {"mode": mode}
    if mode == "conditional":
        strategy["conditions"] = [{"query": {"metadata.a": 1}, "then": "it"}]
    if breaker is not None:
        strategy["cb_config"] = {"failure_threshold": breaker, "cooldown_interval": 60_000}
    return {"strategy": strategy, "targets": [{"name": "it", **target}]}


@pytest.mark.parametrize(
    ("config", "threshold"),
    [
        (group_of({}, breaker=1), 1),
        (group_of(group_of({}), breaker=1), 1),
        (group_of(group_of({}, breaker=2), breaker=1), 2),
        (group_of({}, "conditional", breaker=1), None),
        (group_of(group_of({}, "conditional"), breaker=1), None),
        (group_of(group_of(group_of({}), "conditional"), breaker=1), None),
        (group_of(group_of({}, breaker=2), "conditional", breaker=1), 2),
    ],
)
def test_a_circuit_breaker_is_the_nearest_strategys_and_stops_at_a_conditional(
    config: Config, threshold: int | None
) -> None:
    node = compiled(config).root
    while isinstance(node, Group):
        node = node.nodes[0]

    assert (node.breaker and node.breaker.failure_threshold) == threshold


def test_a_hedge_is_the_nearest_groups() -> None:
    root = compiled(around({"hedge": {"after": 1000}}, {}, {"hedge": {"after": 2000}}, {})).root

    assert isinstance(root, Group)
    assert isinstance(root.nodes[0], Group)
    assert isinstance(root.nodes[0].nodes[0], Group)
    assert root.hedge == root.nodes[0].hedge == Hedge(1.0, 0.1)
    assert root.nodes[0].nodes[0].hedge == Hedge(2.0, 0.1)


def test_a_shadow_inherits_like_a_target_at_the_top() -> None:
    config = around({"override_params": {"model": "m"}, "retry": {"attempts": 2}, "weight": 5}, {})
    shadow = compiled(config | {"shadow": {"target": {"override_params": {"temperature": 0}}}}).shadow

    assert shadow is not None
    assert shadow.target.override_params == {"model": "m", "temperature": 0}
    assert shadow.target.retry == Retry(2)
    assert shadow.target.weight == 1.0


@pytest.mark.parametrize(
    ("name", "outer", "inner"),
    [
        ("override_params", {f"a{at}": 1 for at in range(100)}, {f"b{at}": 1 for at in range(29)}),
        ("default_params", {f"a{at}": 1 for at in range(100)}, {f"b{at}": 1 for at in range(29)}),
        ("drop_params", [f"a{at}" for at in range(100)], [f"b{at}" for at in range(29)]),
    ],
)
def test_what_is_inherited_is_bounded(name: str, outer: Any, inner: Any) -> None:
    with pytest.raises(InvalidConfig, match="comes to 129 entries") as caught:
        compiled(around({name: outer}, {}, {name: inner}))

    assert caught.value.param == f"$.targets[0].targets[0].{name}"
