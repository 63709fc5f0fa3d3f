"""What every provider's dialect does with the model's name before its own rules get to see it."""

from __future__ import annotations

import msgspec

from emberway.errors import InvalidCall
from emberway.providers.base import Call, Written
from emberway.wire.body import update

NO_MODEL = "portkey-default"
"""What Portkey's Python client sends when the caller named no model (captured from portkey-ai 2.3.4)."""


JSON = ((b"content-type", b"application/json"),)
"""What a body is that we have read as JSON, whatever the client called it."""


def require_model(call: Call) -> str:
    """The model to ask for; InvalidCall where none is named, since there are no default models."""
    model = call.model
    if not model or model == NO_MODEL:
        raise InvalidCall(
            "No model is named, and there are no default models. Send one in the field 'model', "
            'for example "accounts/fireworks/models/glm-5p3".',
            param="model",
            code="missing_model",
        )
    return model


def write_with_model(call: Call) -> Written:
    """The call as it came, with the provider's own name of the model where the client had put a slug in front."""
    model = require_model(call)
    if model == call.fields.model:
        return Written(call.path, call.body, JSON)
    body = update(call.body, {"model": msgspec.json.encode(model)})
    return Written(call.path, body, JSON, changed=("model_slug",))
