"""A config becomes the plan that it describes, or an error that says where it is wrong and what to write."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberway.errors import InvalidConfig
from emberway.routing.config import MOST_PATTERNS, compile_config
from emberway.routing.plan import RETRIED, Group, Hedge, Node, Plan, Retry, Sticky, Target

KEY = "sk-0123456789abcdef"

Config = dict[str, Any]


def compiled(config: Any, knows: Callable[[str], bool] = lambda name: True) -> Plan:
    return compile_config(json.dumps(config), knows_provider=knows)


def leaf(config: Config) -> Target:
    root = compiled(config).root
    assert isinstance(root, Target)
    return root


def group(config: Config) -> Group:
    root = compiled(config).root
    assert isinstance(root, Group)
    return root


def over(mode: str, *targets: Config, **strategy: Any) -> Config:
    return {"strategy": {"mode": mode, **strategy}, "targets": list(targets)}


def conditional(*thens: str, default: str | None = None) -> Config:
    named = {} if default is None else {"default": default}
    return {"mode": "conditional", "conditions": [{"query": {"metadata.a": 1}, "then": then} for then in thens]} | named


def leaves(node: Node) -> Iterator[Target]:
    if isinstance(node, Target):
        yield node
    else:
        for below in node.nodes:
            yield from leaves(below)


def nested(levels: int) -> Config:
    config: Config = {}
    for _ in range(levels):
        config = over("single", config)
    return config


def refusal(config: Any, knows: Callable[[str], bool] = lambda name: True) -> InvalidConfig:
    with pytest.raises(InvalidConfig) as caught:
        compiled(config, knows)
    return caught.value


def test_an_empty_config_is_a_target_that_the_headers_fill_in() -> None:
    target = leaf({})

    assert msgspec.structs.asdict(target) | {"key": "", "siblings": ()} == msgspec.structs.asdict(Target("config"))


def test_a_target_says_where_calls_go_and_how_they_are_changed() -> None:
    target = leaf(
        {
            "name": "first",
            "weight": 2,
            "provider": "openai",
            "api_key": KEY,
            "virtual_key": "prod",
            "override_params": {"model": "m", "nestedThing": {"keptAsIs": [1, None]}},
            "default_params": {"top_p": 1},
            "drop_params": ["logprobs", "tools[0].function.strict", "messages[*].content[*].cache_control.scope"],
            "retry": {"attempts": 5, "on_status_codes": [429, 503], "use_retry_after_header": True},
            "request_timeout": 1500,
            "custom_host": "https://llm.example.com/v1",
            "forward_headers": ["X-Custom", "x-other"],
            "strict_open_ai_compliance": False,
            "openai_organization": "org-1",
            "awsSecretAccessKey": "hush",
        }
    )

    assert (target.name, target.weight, target.provider, target.virtual_key) == ("first", 2.0, "openai", "prod")
    assert target.api_key is not None
    assert target.api_key.reveal() == KEY
    assert target.override_params == {"model": "m", "nestedThing": {"keptAsIs": [1, None]}}
    assert target.default_params == {"top_p": 1}
    assert target.drop_params[1:] == ("tools[0].function.strict", "messages[*].content[*].cache_control.scope")
    assert target.retry == Retry(5, frozenset({429, 503}), True)
    assert target.request_timeout == 1.5
    assert target.custom_host == "https://llm.example.com/v1"
    assert target.forward_headers == ("x-custom", "x-other")
    assert target.strict_open_ai_compliance is False
    assert target.settings["openai_organization"] == "org-1"
    assert target.settings["aws_secret_access_key"].reveal() == "hush"


@pytest.mark.parametrize(
    ("snake", "camel"),
    [
        ({"override_params": {"a_b": 1}}, {"overrideParams": {"a_b": 1}}),
        ({"request_timeout": 100}, {"requestTimeout": 100}),
        ({"custom_host": "https://a.b"}, {"customHost": "https://a.b"}),
        ({"strict_open_ai_compliance": True}, {"strictOpenAiCompliance": True}),
        ({"drop_params": ["a_b"]}, {"dropParams": ["a_b"]}),
        (
            {"retry": {"attempts": 1, "on_status_codes": [500], "use_retry_after_header": True}},
            {"retry": {"attempts": 1, "onStatusCodes": [500], "useRetryAfterHeader": True}},
        ),
        ({"retry": {"use_retry_after_header": True}}, {"retry": {"use_retry_after_headers": True}}),
        ({"retry": {"use_retry_after_header": True}}, {"retry": {"useRetryAfterHeaders": True}}),
        ({"cache": {"max_age": 60}}, {"cache": {"maxAge": 60}}),
        ({"vertex_region": "eu"}, {"vertexRegion": "eu"}),
        (
            over("loadbalance", {}, sticky={"hash_fields": ["metadata.a"], "ttl": 5}),
            over("loadbalance", {}, stickySession={"hashFields": ["metadata.a"], "ttl": 5}),
        ),
        (over("fallback", {}, on_status_codes=[429]), over("fallback", {}, onStatusCodes=[429])),
        (
            over("fallback", {}, {}) | {"hedge": {"after": 10, "max_share": 0.5}},
            over("fallback", {}, {}) | {"hedge": {"after": 10, "maxShare": 0.5}},
        ),
        (
            over("fallback", {}, cb_config={"failure_threshold": 1, "cooldown_interval": 1}),
            over("fallback", {}, cbConfig={"failure_threshold": 1, "cooldown_interval": 1}),
        ),
    ],
)
def test_both_spellings_of_a_field_say_the_same(snake: Config, camel: Config) -> None:
    one, other = compiled(snake), compiled(camel)

    assert said(one.root) == said(other.root)
    assert one.cache == other.cache


def said(node: Node) -> dict[str, Any]:
    told = msgspec.structs.asdict(node) | {"key": "", "siblings": ()}
    return told | {"nodes": [said(below) for below in node.nodes]} if isinstance(node, Group) else told


def test_every_node_has_the_path_that_clients_read_in_a_header() -> None:
    config = over("fallback", {}, over("loadbalance", {}, {}))
    root = group(config)

    assert root.path == "config"
    assert root.nodes[1].path == "config.targets[1]"
    assert [each.path for each in leaves(root)] == [
        "config.targets[0]",
        "config.targets[1].targets[0]",
        "config.targets[1].targets[1]",
    ]


def test_a_fallback_moves_on_after_the_statuses_that_it_lists() -> None:
    assert group(over("fallback", {}, on_status_codes=[429, 503])).moves_on == frozenset({429, 503})
    assert group(over("fallback", {}, on_status_codes=[])).moves_on == frozenset()
    assert group(over("fallback", {})).moves_on is None


def test_statuses_beside_another_mode_are_accepted_and_mean_nothing() -> None:
    assert group(over("loadbalance", {}, on_status_codes=[429])).moves_on is None


def test_a_load_balancer_has_the_running_sums_of_its_weights() -> None:
    root = group(over("loadbalance", {"weight": 0.5}, {}, {"weight": 0}, over("single", {}) | {"weight": 2}))

    assert root.cumulative == (0.5, 1.5, 1.5, 3.5)
    assert [node.weight for node in root.nodes] == [0.5, 1.0, 0.0, 2.0]


def test_sticky_calls_are_told_apart_by_the_fields_named_for_an_hour_unless_said_otherwise() -> None:
    assert group(over("loadbalance", {}, sticky={"enabled": True})).sticky == Sticky((), 3600.0)
    assert group(over("loadbalance", {}, sticky_session={"hash_fields": ["metadata.u"], "ttl": 60})).sticky == Sticky(
        ("metadata.u",), 60.0
    )
    assert group(over("loadbalance", {}, sticky={"enabled": False, "ttl": 60})).sticky is None


def test_conditions_lead_to_the_targets_that_they_name() -> None:
    config = {"strategy": conditional("b", "a", default="b"), "targets": [{"name": "a"}, {"name": "b"}, {}]}
    root = group(config)

    assert [condition.then for condition in root.conditions] == [1, 0]
    assert root.default == 1
    assert group({"strategy": conditional("a"), "targets": [{"name": "a"}]}).default is None


def test_a_plan_says_whether_anything_in_it_looks_into_the_body() -> None:
    by_body = {"mode": "conditional", "conditions": [{"query": {"params.model": "m"}, "then": "a"}]}
    sticky = over("loadbalance", {}, sticky={"hash_fields": ["headers.x-user", "params.user"]})

    assert compiled({"strategy": by_body, "targets": [{"name": "a"}]}).reads_params
    assert compiled(over("single", over("single", sticky))).reads_params
    assert not compiled({"strategy": conditional("a"), "targets": [{"name": "a"}]}).reads_params
    assert not compiled(over("loadbalance", {}, sticky={"hash_fields": ["metadata.user"]})).reads_params


def test_retries_without_a_list_are_after_the_usual_statuses() -> None:
    assert leaf({"retry": {"attempts": 2}}).retry == Retry(2, RETRIED)
    assert leaf({"retry": {}}).retry == Retry()
    assert leaf({"retry": {"attempts": 5, "on_status_codes": []}}).retry == Retry(5, frozenset())


def test_a_circuit_breaker_is_read_into_seconds_and_shares() -> None:
    breaker = {
        "failure_threshold": 3,
        "failure_threshold_percentage": 20,
        "minimum_requests": 10,
        "cooldown_interval": 60_000,
        "failure_status_codes": [401, 500],
    }
    one = next(leaves(compiled(over("fallback", {}, cb_config=breaker)).root)).breaker
    other = {"failure_threshold_percentage": 50, "cooldown_interval": 1}
    least = next(leaves(compiled(over("fallback", {}, cb_config=other)).root)).breaker

    assert one is not None
    assert msgspec.structs.astuple(one) == (3, 0.2, 10, 60.0, frozenset({401, 500}))
    assert least is not None
    assert msgspec.structs.astuple(least) == (None, 0.5, 5, 30.0, None)


def test_a_hedge_is_after_a_time_or_after_what_is_usual() -> None:
    config = over("fallback", {}, {})

    assert group(config | {"hedge": {"after": 250, "max_share": 0.5}}).hedge == Hedge(0.25, 0.5)
    assert group(config | {"hedge": {"after": 0.5}}).hedge == Hedge(0.0005, 0.1)
    assert group(config | {"hedge": {"after": "p95"}}).hedge == Hedge(None, 0.1)
    assert group(config | {"hedge": {}}).hedge == Hedge(None, 0.1)


def test_a_shadow_is_a_target_with_a_path_of_its_own() -> None:
    shadow = compiled({"provider": "openai", "shadow": {"target": {"provider": "groq"}}}).shadow
    other = compiled({"shadow": {"target": {}, "share": 0.25, "max_concurrency": 2}}).shadow

    assert shadow is not None
    assert (shadow.target.path, shadow.target.provider) == ("config.shadow.target", "groq")
    assert (shadow.share, shadow.max_concurrency) == (1.0, 10)
    assert other is not None
    assert (other.share, other.max_concurrency) == (0.25, 2)


@pytest.mark.parametrize(
    ("cache", "kept"),
    [
        ({"mode": "simple", "max_age": 60}, {"mode": "simple", "max_age": 60}),
        ("semantic", {"mode": "semantic"}),
        ({}, {}),
    ],
)
def test_what_a_config_says_of_caching_is_kept(cache: Any, kept: Config) -> None:
    assert compiled({"cache": cache}).cache == kept


def test_equal_configs_have_one_version_however_they_are_written() -> None:
    one = compile_config('{"provider": "openai", "override_params": {"a": 1, "b": 2}}')
    other = compile_config(b'{"override_params":{"b":2,"a":1},"provider":"openai"}')

    assert one.version == other.version
    assert len(one.version) == 32
    assert compiled({"provider": "openai"}).version != compiled({"provider": "groq"}).version


SAME_PLACE = {"provider": "openai", "api_key": KEY, "override_params": {"model": "m"}}


@pytest.mark.parametrize(
    "other",
    [
        SAME_PLACE | {"weight": 3, "name": "x", "retry": {"attempts": 1}, "request_timeout": 5},
        SAME_PLACE | {"override_params": {"model": "m", "temperature": 1}},
    ],
)
def test_targets_at_the_same_place_share_a_key(other: Config) -> None:
    assert leaf(other).key == leaf(SAME_PLACE).key
    assert next(leaves(group(over("fallback", other)))).key == leaf(SAME_PLACE).key


@pytest.mark.parametrize(
    "other",
    [
        SAME_PLACE | {"provider": "groq"},
        SAME_PLACE | {"api_key": "another"},
        SAME_PLACE | {"virtual_key": "prod"},
        SAME_PLACE | {"custom_host": "https://a.b/v1"},
        SAME_PLACE | {"override_params": {"model": "n"}},
        SAME_PLACE | {"override_params": {}},
        SAME_PLACE | {"openai_project": "p"},
        SAME_PLACE | {"azure_ad_token": "t"},
        {"provider": "openai", "virtual_key": KEY, "override_params": {"model": "m"}},
    ],
)
def test_targets_at_different_places_do_not(other: Config) -> None:
    assert leaf(other).key != leaf(SAME_PLACE).key


def test_a_saved_provider_is_a_place_however_it_is_named() -> None:
    by_model = {"override_params": {"model": "@prod/m"}}

    assert leaf({"provider": "@prod"}).key == leaf({"provider": "@prod", "weight": 2}).key
    assert leaf(by_model).key == leaf(by_model | {"weight": 2}).key
    assert leaf({"virtual_key": "prod"}).key == leaf({"virtual_key": "prod", "weight": 2}).key


def test_targets_whose_place_the_headers_name_share_no_key() -> None:
    first, second = leaves(group(over("fallback", {}, {})))

    assert first.key != second.key
    assert leaf({"weight": 1}).key != leaf({"weight": 2}).key
    cloudflare = {"override_params": {"model": "@cf/m"}}
    assert leaf(cloudflare).key != leaf(cloudflare | {"weight": 2}).key


def test_siblings_are_the_targets_of_the_same_group() -> None:
    config = over("fallback", {"provider": "a"}, over("loadbalance", {"provider": "b"}, {"provider": "c"}), {})
    first, second, third, last = leaves(group(config))

    assert first.siblings == last.siblings == (first.key, last.key)
    assert second.siblings == third.siblings == (second.key, third.key)
    assert leaf({"provider": "a"}).siblings == (first.key,)


def test_two_targets_at_one_place_are_one_sibling() -> None:
    first, second = leaves(group(over("fallback", SAME_PLACE, SAME_PLACE)))

    assert first.siblings == second.siblings == (first.key,)


@pytest.mark.parametrize("name", ["@prod", "@prod/some/model", "openai"])
def test_a_provider_is_a_known_name_or_a_slug(name: str) -> None:
    assert compiled({"provider": name}, {"openai"}.__contains__).root.provider == name.partition("/")[0]  # type: ignore[union-attr] # it is a leaf


@pytest.mark.parametrize(
    ("name", "says"),
    [("opnai", '"opnai"'), ("Azure_OpenAI", "Did you mean 'azure-openai'?"), ("@", '"@"'), ("@/m", '"@/m"')],
)
def test_any_other_provider_is_refused(name: str, says: str) -> None:
    error = refusal(over("single", {"provider": name}), {"azure-openai"}.__contains__)

    assert error.param == "$.targets[0].provider"
    assert "$.targets[0].provider" in error.message
    assert says in error.message


@pytest.mark.parametrize(
    "config",
    [
        {"passthrough": True},
        {"passthrough": {"a": 1}},
        {"metadata": {"a": 1}},
        {"id": 7},
        {"is_open": False},
        {"fetch_integrated_models": True},
        {"on_status_codes": [429]},
        {"$schema": "https://example.com/config.json"},
    ],
)
def test_fields_that_change_nothing_are_accepted(config: Config) -> None:
    assert said(compiled(config).root) == said(compiled({}).root)


REFUSED: list[tuple[Any, str, str]] = [
    ([], "$", "is an empty list. Write an object"),
    ("pc-123", "$", 'is "pc-123". Write an object'),
    (None, "$", "is null. Write an object"),
    ({"provder": "x"}, "$.provder", "Did you mean 'provider'?"),
    ({"apikey": KEY}, "$.apikey", "Did you mean 'api_key'?"),
    ({"requestTimout": 5}, "$.requestTimout", "Did you mean 'request_timeout'?"),
    ({"zzz": 5}, "$.zzz", "docs/reference/config.md"),
    ({"a key": 5}, '$["a key"]', "has no field $[\"a key\"]"),
    ({"options": []}, "$.options", "Write 'strategy' and 'targets'"),
    ({"mode": "fallback"}, "$.mode", "inside 'strategy'"),
    ({"cb_config": {}}, "$.cb_config", "inside 'strategy'"),
    ({"model": "m"}, "$.model", "'override_params'"),
    ({"retry": {"count": 5}}, "$.retry.count", "Did you mean 'attempts'?"),
    ({"retry": {"foo": 5}}, "$.retry.foo", "There are: attempts, on_status_codes, use_retry_after_header."),
    ({"retry": 3}, "$.retry", "is 3. Write an object"),
    ({"retry": {"attempts": 6}}, "$.retry.attempts", "is 6. Write a whole number from 0 to 5."),
    ({"retry": {"attempts": -1}}, "$.retry.attempts", "is -1."),
    ({"retry": {"attempts": 1.5}}, "$.retry.attempts", "is 1.5."),
    ({"retry": {"attempts": True}}, "$.retry.attempts", "is true."),
    ({"retry": {"attempts": "3"}}, "$.retry.attempts", 'is "3". Write a whole number from 0 to 5. It stands without'),
    ({"retry": {"on_status_codes": 429}}, "$.retry.on_status_codes", "a list of statuses"),
    ({"retry": {"on_status_codes": [429, 99]}}, "$.retry.on_status_codes[1]", "is 99."),
    ({"retry": {"on_status_codes": ["429"]}}, "$.retry.on_status_codes[0]", "without quotes"),
    ({"retry": {"onStatusCodes": [600]}}, "$.retry.onStatusCodes[0]", "is 600."),
    (
        {"retry": {"use_retry_after_header": True, "use_retry_after_headers": True}},
        "$.retry.use_retry_after_headers",
        "same field as 'use_retry_after_header'",
    ),
    ({"override_params": {}, "overrideParams": {}}, "$.overrideParams", "same field as 'override_params'"),
    ({"aws_region": "a", "awsRegion": "b"}, "$.awsRegion", "same field as 'aws_region'"),
    ({"aws_region": None}, "$.aws_region", "is null."),
    ({"weight": "0.5"}, "$.weight", 'is "0.5". Write a number of 0 or more. It stands without quotes.'),
    ({"weight": -0.1}, "$.weight", "is -0.1."),
    ({"weight": False}, "$.weight", "is false."),
    ({"weight": None}, "$.weight", "or leave it out"),
    ({"name": ""}, "$.name", 'is "". Write a text that is not empty.'),
    ({"name": "x" * 257}, "$.name", "257 characters"),
    ({"api_key": 5}, "$.api_key", "is a number."),
    ({"api_key": ""}, "$.api_key", "is an empty text."),
    ({"override_params": []}, "$.override_params", "Write an object"),
    ({"override_params": {str(n): n for n in range(129)}}, "$.override_params", "at most 128"),
    ({"drop_params": "logprobs"}, "$.drop_params", "a list of paths"),
    ({"drop_params": ["a"] * 129}, "$.drop_params", "at most 128"),
    *(
        ({"drop_params": ["a", path]}, "$.drop_params[1]", "a path such as")
        for path in ("", "a..b", ".a", "a.", "a[]", "a[x]", "a[-1]", "[0]", "a]b", "a[0", "a[1234567]")
    ),
    ({"request_timeout": 0}, "$.request_timeout", "is 0."),
    ({"request_timeout": 2.5}, "$.request_timeout", "is 2.5."),
    ({"custom_host": 5}, "$.custom_host", "is 5."),
    ({"forward_headers": "x-a"}, "$.forward_headers", "a list of header names"),
    ({"forward_headers": ["x-a", "Cookie"]}, "$.forward_headers[1]", 'is "Cookie".'),
    ({"forward_headers": ["x-portkey-forward-headers"]}, "$.forward_headers[0]", "x-portkey-forward-headers"),
    ({"strict_open_ai_compliance": "false"}, "$.strict_open_ai_compliance", "It stands without quotes."),
    ({"cache": "simpl"}, "$.cache", "Did you mean 'simple'?"),
    ({"cache": 5}, "$.cache", "an object with a mode, or the mode alone"),
    ({"cache": {"mode": "simple", "max-age": 5}}, "$.cache[\"max-age\"]", "Did you mean 'max_age'?"),
    *(
        ({name: []}, f"$.{name}", "not part of this release")
        for name in (
            "before_request_hooks", "afterRequestHooks", "input_guardrails", "outputGuardrails",
            "default_input_guardrails", "default_output_guardrails", "input_mutators", "output_mutators",
            "prompt_id", "deployments",
        )
    ),
    ({"strategy": {"mode": "single"}}, "$.strategy", "without 'targets'"),
    ({"targets": [{}]}, "$.targets", "without 'strategy'"),
    ({"strategy": {}, "targets": [{}]}, "$.strategy.mode", "needs $.strategy.mode"),
    (over("falback", {}), "$.strategy.mode", "Did you mean 'fallback'?"),
    (over("single"), "$.targets", "is an empty list"),
    ({"strategy": {"mode": "single"}, "targets": {}}, "$.targets", "is an object"),
    (over("single", {}, []), "$.targets[1]", "is an empty list"),  # type: ignore[arg-type] # what is refused
    (over("single", {"shadow": {"target": {}}}), "$.targets[0].shadow", "at the top of a config only"),
    (over("single", over("single", {"wieght": 1})), "$.targets[0].targets[0].wieght", "Did you mean 'weight'?"),
    (over("fallback", {}, on_status_code=[429]), "$.strategy.on_status_code", "Did you mean 'on_status_codes'?"),
    (over("fallback", {}, sticky={}), "$.strategy.sticky", "is for mode 'loadbalance'"),
    (over("fallback", {}, sticky_session={}), "$.strategy.sticky_session", "is for mode 'loadbalance'"),
    (over("fallback", {}, conditions=[{"query": {}, "then": "a"}]), "$.strategy.conditions", "for mode 'conditional'"),
    (over("fallback", {}, default="a"), "$.strategy.default", "is for mode 'conditional'"),
    (over("loadbalance", {}, sticky={"hash_fields": ["user"]}), "$.strategy.sticky.hash_fields[0]", "'metadata.'"),
    (over("loadbalance", {}, sticky={"hash_fields": ["headers.authorization"]}),
     "$.strategy.sticky.hash_fields[0]", "no credential's"),
    (over("loadbalance", {}, sticky={"ttl": 0}), "$.strategy.sticky.ttl", "a number above 0"),
    (over("loadbalance", {"weight": 0}, {"weight": 0}), "$.targets", "add up to 0"),
    (over("loadbalance", {"weight": 1e308}, {"weight": 1e308}), "$.targets", "add up to no number"),
    (over("single", over("loadbalance", {"weight": 0})), "$.targets[0].targets", "$.targets[0].targets add up to 0"),
    (over("conditional", {}), "$.strategy.conditions", "needs $.strategy.conditions"),
    (over("conditional", {}, conditions=[]), "$.strategy.conditions", "is an empty list"),
    (over("conditional", {}, conditions=[{"then": "a"}]), "$.strategy.conditions[0].query", "The config needs"),
    (over("conditional", {}, conditions=[{"query": {}}]), "$.strategy.conditions[0].then", "The config needs"),
    ({"strategy": conditional("a", "beta"), "targets": [{"name": "a"}, {"name": "betas"}]},
     "$.strategy.conditions[1].then", "Did you mean 'betas'?"),
    ({"strategy": conditional("a", default="b"), "targets": [{"name": "a"}]}, "$.strategy.default", "is 'b'"),
    ({"strategy": conditional("a"), "targets": [{"name": "a"}, {"name": "a"}]}, "$.targets[1].name", "so is another"),
    (over("single", {}, cb_config={"failure_threshold": 1}), "$.strategy.cb_config.cooldown_interval", "milliseconds"),
    (over("single", {}, cb_config={"cooldown_interval": 1}), "$.strategy.cb_config.failure_threshold", "or 'failure_"),
    (over("single", {}, cb_config={"failureThreshold": 1, "cooldown_interval": 1}),
     "$.strategy.cb_config.failureThreshold", "Did you mean 'failure_threshold'?"),
    (over("single", {}, cb_config={"failure_threshold_percentage": 101, "cooldown_interval": 1}),
     "$.strategy.cb_config.failure_threshold_percentage", "above 0 and up to 100"),
    ({"hedge": {}}, "$.hedge", "without 'targets'"),
    (over("single", {}) | {"hedge": {"after": "p99"}}, "$.hedge.after", "Write 'p95'."),
    (over("single", {}) | {"hedge": {"after": 0}}, "$.hedge.after", "is 0."),
    (over("single", {}) | {"hedge": {"after": True}}, "$.hedge.after", "'p95' or a number of milliseconds"),
    (over("single", {}) | {"hedge": {"max_share": 1.1}}, "$.hedge.max_share", "from 0 to 1"),
    ({"shadow": {}}, "$.shadow.target", "The config needs"),
    ({"shadow": {"target": over("single", {})}}, "$.shadow.target.strategy", "a single provider"),
    ({"shadow": {"target": {"provder": "x"}}}, "$.shadow.target.provder", "Did you mean 'provider'?"),
    ({"shadow": {"target": {}, "share": 2}}, "$.shadow.share", "from 0 to 1"),
    ({"shadow": {"target": {}, "max_concurrency": 0}}, "$.shadow.max_concurrency", "from 1 to 1,000"),
]  # fmt: skip


@pytest.mark.parametrize(("config", "param", "says"), REFUSED, ids=[param for _, param, _ in REFUSED])
def test_what_is_wrong_is_refused_with_its_path_and_what_to_write(config: Any, param: str, says: str) -> None:
    error = refusal(config)

    assert error.param == param
    assert param == "$" or param in error.message
    assert says in error.message
    assert error.code == "invalid_config"


def test_the_first_of_several_mistakes_is_told() -> None:
    both = [("weight", "heavy"), ("retry", {"attempts": 9})]

    assert refusal(dict(both)).param == "$.weight"
    assert refusal(dict(reversed(both))).param == "$.retry.attempts"


def test_sixteen_strategies_inside_each_other_are_the_most() -> None:
    assert [each.path for each in leaves(group(nested(16)))] == ["config" + ".targets[0]" * 16]
    assert "more than 16 strategies" in refusal(nested(17)).message


def test_a_thousand_targets_in_a_group_and_two_thousand_in_all_are_the_most() -> None:
    thousand = over("fallback", *[{}] * 1_000)

    assert len(list(leaves(group(over("fallback", thousand, thousand))))) == 2_000
    assert refusal(over("fallback", *[{}] * 1_001)).param == "$.targets"
    assert "more than 2,000 targets" in refusal(over("fallback", thousand, thousand, {})).message


def test_neither_a_plan_nor_an_error_shows_a_credential() -> None:
    plan = compiled(over("fallback", {"provider": "openai", "api_key": KEY, "aws_session_token": KEY}))
    mistakes: list[Config] = [
        {"api_key": [KEY]}, {"apikey": KEY}, {"provider": KEY}, {"aws_session_token": [KEY]}, {"retry": KEY},
        {"cache": KEY}, {"weight": KEY}, {"forward_headers": KEY}, {"drop_params": [f"{KEY}."]},
    ]  # fmt: skip
    errors = [refusal(mistake, {"openai"}.__contains__) for mistake in mistakes]

    assert KEY not in repr(plan)
    assert not [error.message for error in errors if KEY in error.message or KEY in str(error.param)]


def calls_for(config: Any) -> int:
    """How many functions are called to compile ``config``: its cost, whatever the machine is doing."""
    text, count = json.dumps(config), 0

    def note(frame: object, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        with suppress(InvalidConfig):
            compile_config(text)
    finally:
        sys.setprofile(None)
    return count


@pytest.mark.parametrize(
    "of_size",
    [
        lambda n: over("fallback", *[{"provider": "a", "retry": {"attempts": 1}, "override_params": {"b": 1}}] * n),
        lambda n: over("fallback", *[{"drop_params": ["b"]}] * n) | {"drop_params": [f"a{at}" for at in range(100)]},
        lambda n: {"override_params": {"a": [1] * n}},
        lambda n: {f"x{at}": 1 for at in range(n)},
        lambda n: {"a" * n: 1},
        lambda n: {"drop_params": ["a[0]" * n + "!["]},
        lambda n: over("loadbalance", {}, sticky={"hash_fields": ["headers." + "token" * n + " "]}),
        lambda n: {"strategy": conditional(*["a"] * n), "targets": [{"name": "a"}]},
        lambda n: over("single", *[{"provider": "x" * n}] * 10),
    ],
)
def test_the_cost_of_compiling_grows_no_faster_than_the_text(of_size: Callable[[int], Any]) -> None:
    calls_for(of_size(1))

    assert calls_for(of_size(800)) <= 2.2 * calls_for(of_size(400)) + 1_000


NAMES = st.sampled_from(
    ["strategy", "mode", "targets", "conditions", "query", "then", "default", "retry", "attempts", "weight", "provider",
     "api_key", "override_params", "drop_params", "cb_config", "sticky", "hash_fields", "hedge", "shadow", "target",
     "aws_region", "cache", "forwardHeaders", "name", "on_status_codes"]
)  # fmt: skip
ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(["single", "fallback", "loadbalance", "conditional", "a", "metadata.a"]),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(NAMES | st.text(max_size=6), below, max_size=5),
    max_leaves=20,
)


@given(ANY_JSON)
def test_any_json_is_compiled_or_refused(value: Any) -> None:
    with suppress(InvalidConfig):  # any other exception is what would be wrong
        compiled(value)


@pytest.mark.parametrize(("patterns", "is_taken"), [(MOST_PATTERNS, True), (MOST_PATTERNS + 1, False)])
def test_a_config_holds_few_patterns(patterns: int, is_taken: bool) -> None:
    halves = [{"$or": [{"metadata.a": {"$regex": "a"}}] * size} for size in (patterns // 2, patterns - patterns // 2)]
    inner = {"name": "x", **_conditional(halves[1], {"name": "y"})}
    text = msgspec.json.encode(_conditional(halves[0], inner))

    if is_taken:
        compile_config(text)
    else:
        with pytest.raises(InvalidConfig, match="more than 20 patterns"):
            compile_config(text)


def _conditional(query: object, target: dict[str, object]) -> dict[str, object]:
    strategy = {"mode": "conditional", "conditions": [{"query": query, "then": target["name"]}]}
    return {"strategy": strategy, "targets": [target]}
