"""Settings that only a provider understands, which Portkey's configs have beside the fields that everybody knows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from emberway.routing.config_error import Steps, camel_case, snake_case, wrong
from emberway.routing.shapes import Json
from emberway.secret import Secret

FAMILIES = (
    "amz_", "amzn_sagemaker_", "anthropic_", "aws_", "azure_", "openai_", "oracle_", "stability_client_", "vertex_",
)  # fmt: skip
"""A name that begins with one of them is a setting: their lists differ between Portkey's versions."""
NAMES = (
    "api_version", "databricks_workspace", "deployment_id", "file_purpose", "file_upload_size", "fireworks_account_id",
    "huggingface_base_url", "mistral_fim_completion", "modal_key", "modal_secret", "provider_batch_endpoint",
    "provider_file_name", "provider_model", "resource_name", "snowflake_account", "workers_ai_account_id",
)  # fmt: skip
"""The others, one by one (specification 2.2; the older names of Azure's from Portkey's published schema)."""

_SNAKE = rf"(?:{'|'.join(FAMILIES)})[a-z0-9]+(?:_[a-z0-9]+)*|{'|'.join(NAMES)}"
_CAMEL = (
    rf"(?:{'|'.join(camel_case(family[:-1]) for family in FAMILIES)})(?:[A-Z][a-z0-9]*)+"
    rf"|{'|'.join(map(camel_case, NAMES))}"
)
_CREDENTIAL = re.compile("key|secret|token|password|passphrase|credential|service_account_json")


class ProviderSettings:
    """Reads a setting, whose value is a text, a number, true, false or an object; credentials become a Secret.

    A credential that is an object, such as ``vertex_service_account_json``, is kept as its JSON text.
    """

    def name_of(self, key: str) -> str | None:
        """``awsRegion`` and ``aws_region`` → ``aws_region``."""
        if re.fullmatch(_SNAKE, key):
            return key
        return snake_case(key) if re.fullmatch(_CAMEL, key) else None

    def read(self, name: str, value: Any, at: Steps) -> Any:
        """The setting as a Target has it."""
        if value is None or isinstance(value, list):
            raise wrong(at, value, "a text, a number, true, false or an object")
        if _CREDENTIAL.search(name) is None:
            return value
        return Secret(value if isinstance(value, str) else msgspec.json.encode(value).decode())

    def properties(self) -> Mapping[str, Json]:
        """Both spellings, for the schema."""
        said = {"type": ["string", "number", "boolean", "object"], "description": "A setting of the provider's."}
        return {f"^(?:{_SNAKE})$": said, f"^(?:{_CAMEL})$": said}
