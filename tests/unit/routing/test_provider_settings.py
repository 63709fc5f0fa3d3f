"""Settings that only a provider understands: which keys are some, and what becomes of their values."""

from __future__ import annotations

import pytest

from emberway.errors import InvalidConfig
from emberway.routing.provider_settings import NAMES, ProviderSettings
from emberway.secret import Secret

SETTINGS = ProviderSettings()

DOCUMENTED = (
    "amz_server_side_encryption", "amzn_sagemaker_target_model", "anthropic_beta", "anthropic_version",
    "aws_access_key_id", "aws_region", "aws_s3_bucket", "azure_api_version", "azure_deployment_id",
    "azure_entra_client_secret", "azure_resource_name", "openai_organization", "openai_project", "oracle_region",
    "stability_client_user_id", "vertex_project_id", "vertex_service_account_json", *NAMES,
)  # fmt: skip
"""Portkey's documentation of headers; each may be a field of a config."""


def camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_documented_setting_is_known_in_both_spellings(name: str) -> None:
    assert SETTINGS.name_of(name) == name
    assert SETTINGS.name_of(camel(name)) == name


@pytest.mark.parametrize(
    "key", ["aws", "aws_", "aws__region", "AWS_REGION", "awsregion", "azure", "openai-project", ""]
)
def test_what_is_not_spelt_like_a_setting_is_none(key: str) -> None:
    assert SETTINGS.name_of(key) is None


@pytest.mark.parametrize(
    "name",
    ["aws_secret_access_key", "aws_session_token", "azure_ad_token", "azure_entra_client_secret", "modal_key",
     "oracle_private_key", "oracle_key_passphrase"],
)  # fmt: skip
def test_a_credential_becomes_a_secret(name: str) -> None:
    read = SETTINGS.read(name, "hush", ("targets", 0, name))

    assert isinstance(read, Secret)
    assert read.reveal() == "hush"


def test_a_credential_that_is_an_object_is_kept_as_its_text() -> None:
    read = SETTINGS.read("vertex_service_account_json", {"private_key": "hush"}, ())

    assert read.reveal() == '{"private_key":"hush"}'


@pytest.mark.parametrize("value", ["eu-west-1", 3, True, {"a": 1}])
def test_any_other_setting_is_kept_as_it_is(value: object) -> None:
    assert SETTINGS.read("aws_region", value, ()) == value


@pytest.mark.parametrize("value", [None, ["eu-west-1"]])
def test_a_setting_is_neither_null_nor_a_list(value: object) -> None:
    with pytest.raises(InvalidConfig) as caught:
        SETTINGS.read("aws_region", value, ("targets", 1, "awsRegion"))

    assert caught.value.param == "$.targets[1].awsRegion"
