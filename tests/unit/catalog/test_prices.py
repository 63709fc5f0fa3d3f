from __future__ import annotations

from dataclasses import replace

import pytest

from emberway import catalog
from emberway.exchange import Usage

MODEL = catalog.find("glm-5p3")
assert MODEL is not None
GLM = replace(MODEL, input_price_per_mtok=2.0, cached_input_price_per_mtok=0.5, output_price_per_mtok=8.0)


@pytest.mark.parametrize(
    ("usage", "dollars"),
    [
        (Usage(prompt=1_000_000, completion=0), 2.0),
        (Usage(prompt=1_000_000), 2.0),
        (Usage(prompt=0, completion=1_000_000), 8.0),
        (Usage(prompt=1_000_000, completion=500_000, cached=400_000), 1.2 + 0.2 + 4.0),
        (Usage(prompt=1_000_000, cached=9_000_000), 0.5),
        (Usage(prompt=0, completion=0), 0.0),
    ],
)
def test_a_call_costs_its_tokens_at_their_prices(usage, dollars):
    assert catalog.cost(GLM, usage) == pytest.approx(dollars)


def test_cached_input_costs_half_where_no_price_is_listed_for_it():
    model = replace(GLM, cached_input_price_per_mtok=None)

    assert catalog.cost(model, Usage(prompt=1_000_000, cached=1_000_000)) == pytest.approx(1.0)


def test_an_embedding_costs_its_input_alone():
    model = catalog.find("nomic-ai/nomic-embed-text-v1.5")
    assert model is not None

    assert catalog.cost(model, Usage(prompt=1_000_000, total=1_000_000)) == pytest.approx(0.008)


@pytest.mark.parametrize(
    ("change", "usage"),
    [
        ({"input_price_per_mtok": None}, Usage(prompt=1, completion=1)),
        ({"output_price_per_mtok": None}, Usage(prompt=1, completion=1)),
        ({}, Usage()),
        ({}, Usage(completion=5)),
    ],
)
def test_a_cost_that_nobody_can_know_is_unknown_and_not_zero(change, usage):
    assert catalog.cost(replace(GLM, **change), usage) is None
