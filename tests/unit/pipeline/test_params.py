"""How a target's params change the body of a call."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.pipeline.parts import call

from emberway.pipeline.params import adapted
from emberway.routing.plan import Target

BODY = b'{"model":"m","messages":[{"role":"user","content":"hi","name":"a"}],"top_p":0.10,"stop":{"a":1,"b":2}}'


@pytest.mark.parametrize(
    ("params", "expected", "changed"),
    [
        ({"override_params": {"model": "n"}}, {"model": "n"}, ("override_params",)),
        ({"override_params": {"stop": {"c": 3}}}, {"stop": {"c": 3}}, ("override_params",)),
        ({"override_params": {"seed": 1}}, {"seed": 1}, ("override_params",)),
        ({"override_params": {"top_p": None}}, {"top_p": None}, ("override_params",)),
        ({"default_params": {"model": "n", "seed": 1}}, {"seed": 1}, ("default_params",)),
        (
            {"default_params": {"seed": 1}, "override_params": {"seed": 2}},
            {"seed": 2},
            ("default_params", "override_params"),
        ),
        ({"override_params": {"seed": 1}, "drop_params": ("seed",)}, {}, ("override_params", "drop_params")),
        ({"drop_params": ("top_p", "nothing", "stop.nothing", "model.x")}, {"top_p": ...}, ("drop_params",)),
        ({"drop_params": ("stop.a",)}, {"stop": {"b": 2}}, ("drop_params",)),
        (
            {"drop_params": ("messages[*].name",)},
            {"messages": [{"role": "user", "content": "hi"}]},
            ("drop_params",),
        ),
        ({"drop_params": ("messages[0].name", "messages[7]")}, {"messages": [{"role": "user", "content": "hi"}]},
         ("drop_params",)),
        ({"drop_params": ("messages[0]",)}, {"messages": []}, ("drop_params",)),
        ({"drop_params": ("messages[*]",)}, {"messages": []}, ("drop_params",)),
    ],
)  # fmt: skip
def test_defaults_then_overrides_then_what_is_dropped(
    params: dict[str, Any], expected: dict[str, Any], changed: tuple[str, ...]
) -> None:
    mine, names = adapted(call(BODY), Target("config", **params))

    wanted = msgspec.json.decode(BODY) | expected
    assert msgspec.json.decode(mine.body) == {key: value for key, value in wanted.items() if value is not ...}
    assert names == changed


def test_values_that_no_rule_names_keep_their_bytes() -> None:
    mine, _ = adapted(call(BODY), Target("config", override_params={"model": "n"}))

    assert b'"top_p":0.10' in mine.body


def test_the_fields_and_the_model_are_those_of_the_changed_body() -> None:
    of = call(BODY)

    mine, _ = adapted(of, Target("config", override_params={"model": "@a/n", "stream": True}))

    assert (mine.model, mine.fields.model, mine.fields.stream) == ("@a/n", "@a/n", True)
    assert (of.model, of.body) == ("m", BODY)


def test_a_target_without_params_sends_the_clients_own_bytes() -> None:
    of = call(BODY)

    mine, names = adapted(of, Target("config"))

    assert mine.body is of.body
    assert names == ()


def test_a_slug_that_one_target_takes_off_is_still_there_for_the_next() -> None:
    of = call(b'{"model":"@a/m"}')

    first, _ = adapted(of, Target("config.targets[0]"))
    first.model = "m"

    assert adapted(of, Target("config.targets[1]"))[0].model == "@a/m"


@pytest.mark.parametrize("body", [b"", b"--boundary\r\n", b"[1]"])
def test_a_body_that_is_no_object_passes_as_it_came(body: bytes) -> None:
    of = call(b"", endpoint="passthrough")
    of.body = body

    mine, names = adapted(of, Target("config", override_params={"a": 1}, drop_params=("b",)))

    assert (mine.body, names) == (body, ())


def test_a_body_that_only_its_provider_understands_is_changed_too() -> None:
    of = call(b"", endpoint="passthrough")
    of.body = b'{"model":["any"],"n":1}'

    mine, _ = adapted(of, Target("config", override_params={"n": 2}))

    assert (mine.body, mine.model) == (b'{"model":["any"],"n":2}', None)
