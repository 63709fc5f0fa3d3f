"""The lists of models."""

from __future__ import annotations

import re

import pytest
from tests.integration.emulator.asgi import LLAMA, Api

from fireworks_emulator.settings import Settings

ACCOUNT = "/v1/accounts/fireworks/models"


@pytest.fixture(scope="module")
def api() -> Api:
    return Api()


def test_the_openai_list_names_every_model_once(api: Api) -> None:
    body = api.get("/inference/v1/models").json

    ids = [row["id"] for row in body["data"]]
    assert body["object"] == "list"
    assert len(ids) == len(set(ids)) > 300
    assert {"id", "object", "created", "owned_by", "kind", "supports_chat", "context_length"} <= body["data"][0].keys()


def test_models_of_the_emulator_are_marked(api: Api) -> None:
    owners = {row["id"]: row["owned_by"] for row in api.get("/v1/models").json["data"]}

    assert owners["accounts/fireworks/models/echo"] == "emulator"
    assert owners[LLAMA] == "fireworks"


def test_a_strict_catalogue_lists_only_what_it_serves() -> None:
    ids = {row["id"] for row in Api(Settings(strict_catalogue=True)).get("/v1/models").json["data"]}

    assert LLAMA not in ids
    assert "accounts/fireworks/models/kimi-k3" in ids


def test_the_serverless_list_has_one_row_per_serving_mode_with_prices(api: Api) -> None:
    rows = api.get("/v1/serverless/models").json["data"]

    modes = {(row["id"], row["serverless_mode"]): row for row in rows}
    flash = "accounts/fireworks/models/deepseek-v4p1-flash"
    assert [price["amount"] for price in modes[flash, "standard"]["pricing"]] == ["0.30", "0.006", "1.20"]
    assert [price["amount"] for price in modes[flash, "priority"]["pricing"]] == ["0.375", "0.0075", "1.50"]
    assert (
        modes["accounts/fireworks/models/glm-5p3", "fast"]["usage_identifier"]
        == "accounts/fireworks/routers/glm-5p3-fast"
    )
    assert all(re.fullmatch(r"\d+\.\d{2,6}", price["amount"]) for row in rows for price in row["pricing"])


def test_the_serverless_list_can_be_narrowed_to_a_use(api: Api) -> None:
    rows = api.get("/v1/serverless/models?use_cases=embedding").json["data"]

    assert {case for row in rows for case in row["use_cases"]} == {"embedding"}


def test_resources_come_in_pages_that_cover_all_of_them(api: Api) -> None:
    names: list[str] = []
    token = ""
    while True:
        page = api.get(f"{ACCOUNT}?pageSize=100&pageToken={token}").json
        names += [row["name"] for row in page["models"]]
        token = page.get("nextPageToken", "")
        if not token:
            break

    assert len(names) == len(set(names)) == page["totalSize"]
    assert LLAMA in names


def test_resources_can_be_filtered_by_serverless(api: Api) -> None:
    page = api.get(f"{ACCOUNT}?filter=supports_serverless=true&pageSize=200").json

    assert page["models"]
    assert all(row["supportsServerless"] for row in page["models"])


def test_one_resource_tells_when_it_left(api: Api) -> None:
    resource = api.get(f"{ACCOUNT}/gpt-oss-120b").json

    assert resource["name"] == "accounts/fireworks/models/gpt-oss-120b"
    assert resource["deprecationDate"] == {"year": 2026, "month": 11, "day": 7}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"{ACCOUNT}/nope", 404, 5),
        ("/v1/accounts/someone/models", 404, 5),
        (f"{ACCOUNT}?pageSize=x", 400, 3),
        (f"{ACCOUNT}?filter=colour=red", 400, 3),
    ],
)
def test_errors_have_the_control_planes_shape(api: Api, path: str, status: int, code: int) -> None:
    answer = api.get(path)

    assert (answer.status, answer.json["code"], answer.json["details"]) == (status, code, [])


def test_a_bad_key_is_refused_in_the_control_planes_shape(api: Api) -> None:
    assert api.get(ACCOUNT, {}).json["code"] == 16
