"""The config as a JSON Schema, for editors and for whoever generates configs: made of the same fields that read it."""

from __future__ import annotations

from emberway.routing.config_fields import CONFIG, RECORDS
from emberway.routing.query_shape import QUERY_DEFINITIONS
from emberway.routing.shapes import Json

BEYOND = (
    "Names in 'then' and 'default' are those of targets beside the strategy, of which no two are equal.",
    "The weights below a loadbalance add up to more than 0.",
    "At most 16 strategies inside each other, 1,000 targets in each, 2,000 in all, and 256 KiB of text.",
    "At most 128 body fields, or paths, in a target and all that it inherits.",
    "Providers are those that the gateway knows.",
    "A provider's setting is spelt in one way at a time.",
    "A query has at most 1,000 comparisons, 32 levels deep; its paths can be read and its bounds begin with a number.",
    "Patterns are such as RE2 takes, of at most 512 bytes.",
)
"""What a schema cannot say; the gateway refuses a config that breaks it all the same."""


def config_schema() -> Json:
    """The schema of a config (draft 2020-12): it accepts what ``compile_config`` does, and what breaks BEYOND."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Emberway config",
        "description": "Where calls go and how. Beyond what this schema says:\n"
        + "\n".join(f"- {one}" for one in BEYOND),
        **CONFIG.schema(),
        "$defs": {record.name: record.definition() for record in RECORDS} | QUERY_DEFINITIONS,
    }
