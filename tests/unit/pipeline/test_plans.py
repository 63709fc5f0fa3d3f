from __future__ import annotations

import json

import pytest

from emberway.errors import InvalidConfig, NotBuilt
from emberway.pipeline.plans import KEPT, LONGEST, MOST, Plans


def config(**fields: object) -> str:
    return json.dumps({"provider": "openai", **fields})


def test_a_config_that_comes_again_is_not_compiled_again() -> None:
    plans = Plans()

    assert plans.of(config()) is plans.of(config())
    assert plans.of(config(name="a")) is not plans.of(config())


def test_the_plans_that_were_used_longest_ago_make_room() -> None:
    plans = Plans()
    first, second = plans.of(config(name="0")), plans.of(config(name="1"))
    for number in range(2, MOST):
        plans.of(config(name=str(number)))
    assert plans.of(config(name="0")) is first

    plans.of(config(name="one more"))

    assert plans.of(config(name="0")) is first
    assert plans.of(config(name="1")) is not second


def test_a_config_of_great_length_is_compiled_and_not_kept() -> None:
    long = config(override_params={"x": "x" * LONGEST})
    plans = Plans()

    assert plans.of(long).version == plans.of(long).version
    assert plans.of(long) is not plans.of(long)


def test_the_name_of_a_saved_config_is_said_to_be_too_early() -> None:
    with pytest.raises(NotBuilt) as caught:
        Plans().of("pc-prod-1")

    assert (caught.value.param, caught.value.code) == ("x-portkey-config", "saved_configs_not_built")


def test_a_provider_that_nobody_knows_is_a_fault_of_the_config() -> None:
    with pytest.raises(InvalidConfig) as caught:
        Plans({"openai"}.__contains__).of('{"provider":"opnai"}')

    assert caught.value.param == "$.provider"


def test_a_config_is_not_held_for_longer_than_a_minute() -> None:
    now = 100.0
    plans = Plans(clock=lambda: now)
    plan = plans.of(config())

    now += KEPT
    assert plans.of(config()) is plan
    now += 1
    assert plans.of(config()) is not plan
