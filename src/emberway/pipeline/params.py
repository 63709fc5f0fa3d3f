"""What a config's target changes in a call's body: defaults, overrides, fields left out."""

from __future__ import annotations

import re
from copy import copy
from functools import lru_cache

import msgspec
from msgspec import Raw

from emberway.providers.base import Call
from emberway.routing.plan import Target
from emberway.wire import body as json_body
from emberway.wire.fields import Fields, read_fields

_object = msgspec.json.Decoder(dict[str, Raw])
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+|\*)\]")


def adapted(call: Call, target: Target) -> tuple[Call, tuple[str, ...]]:
    """``call`` as ``target`` wants it, and the names of the rules that changed it; the client's own stays as it is.

    In this order: fields of ``default_params`` that the client left out, all of ``override_params``, and what
    ``drop_params`` names is taken out. Top-level fields are replaced as a whole (Portkey's rule). A body that is not
    JSON passes as it came.
    """
    if not (target.override_params or target.default_params or target.drop_params) or call.body[:1] != b"{":
        # A slug in front of the model's name is taken off on the way, and the next target must see it again.
        return (copy(call) if call.model is not None and call.model[:1] == "@" else call), ()
    mine = copy(call)
    fields = _object.decode(call.body)
    changed = []
    defaults = {key: value for key, value in target.default_params.items() if key not in fields}
    for name, values in (("default_params", defaults), ("override_params", target.override_params)):
        if values:
            fields |= {key: Raw(msgspec.json.encode(value)) for key, value in values.items()}
            changed.append(name)
    body = msgspec.json.encode(fields) if changed else call.body
    for path in target.drop_params:
        body = json_body.drop(body, _steps(path))
    if target.drop_params:
        changed.append("drop_params")
    mine.body = body
    mine.fields = read_fields(body) if call.endpoint != "passthrough" else Fields(model=_model_in(body))
    mine.model = mine.fields.model
    return mine, tuple(changed)


@lru_cache(1024)
def _steps(path: str) -> tuple[str | int | None, ...]:
    """``a.b[0].c`` and ``a[*].c`` as steps; the config's compiler has looked at the form."""
    found = _STEP.finditer(path)
    return tuple(each[1] or (json_body.EVERY if each[2] == "*" else int(each[2])) for each in found)


def _model_in(body: bytes) -> str | None:
    """The ``model`` of a body that only its provider understands, if it is a text."""
    model = msgspec.json.decode(body).get("model")
    return model if isinstance(model, str) else None
