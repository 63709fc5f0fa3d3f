"""Which calls of a load balancer belong together, and where on the wheel they land.

An assignment is computed, not stored: a hash of the caller and of the fields takes the place of the dice. So it is the
same in every worker and on every node, survives restarts, costs no memory, and lasts as long as the weights stand.
The config's ``ttl`` is the time that an assignment lasts at the least (a stored one would be forgotten after it); ours
last longer, which no caller can tell from having asked again in time. When a node is out, its callers, and only they,
land elsewhere until it is back.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import msgspec

from emberway.routing.facts import Facts
from emberway.routing.plan import Sticky

_encode = msgspec.json.Encoder(order="deterministic").encode


def identity(sticky: Sticky, path: str, facts: Facts) -> bytes | None:
    """What is the same for calls that belong together; ``None`` if no field has a value: such calls belong to nobody.

    The group's ``path`` is in it, so that groups nested in each other divide their callers independently. Without any
    field to look at, all calls of one key belong together. A null or an empty text is no value.
    """
    values = [(field, value) for field in sticky.hash_fields if (value := _value(field, facts)) not in (None, "")]
    if sticky.hash_fields and not values:
        return None
    return _encode((path, facts.caller, values))


def share_of(who: bytes, turn: int) -> float:
    """A number in [0, 1), evenly spread over identities, and for each ``turn`` another one."""
    digest = blake2b(who, digest_size=8, salt=turn.to_bytes(2)).digest()
    return (int.from_bytes(digest) >> 11) * 2.0**-53


def _value(field: str, facts: Facts) -> Any:
    source, _, name = field.partition(".")
    match source:
        case "metadata":
            return _at(name, facts.metadata)
        case "params":
            return _at(name, facts.params)
        case "headers":
            return facts.header(name.lower())
        case _:
            return None


def _at(name: str, values: Mapping[str, Any]) -> Any:
    """What stands at a dotted path; a key that is spelt with the dots comes first."""
    if name in values:
        return values[name]
    found: Any = values
    for key in name.split("."):
        found = found.get(key) if isinstance(found, Mapping) else None
    return found
