"""A plan as JSON for people: what the config was understood to say, secrets masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from emberway.routing.plan import Group, Node, Target

MASK = "***"


def describe(node: Node) -> Mapping[str, Any]:
    """``node`` and all below it; only what differs from the defaults. Names are those of the config object."""
    told: dict[str, Any] = {"path": node.path, "name": node.name, "weight": node.weight if node.weight != 1 else None}
    told |= _group(node) if isinstance(node, Group) else _target(node)
    return {name: value for name, value in told.items() if value or value == 0}


def _group(group: Group) -> dict[str, Any]:
    return {
        "mode": group.mode,
        "on_status_codes": None if group.moves_on is None else sorted(group.moves_on),
        "default": None if group.default is None else group.nodes[group.default].path,
        "conditions": [{"then": group.nodes[condition.then].path} for condition in group.conditions],
        "sticky": group.sticky and msgspec.to_builtins(group.sticky),
        "hedge": group.hedge and msgspec.to_builtins(group.hedge),
        "targets": [describe(each) for each in group.nodes],
    }


def _target(target: Target) -> dict[str, Any]:
    retry = target.retry
    return {
        "provider": target.provider,
        "virtual_key": target.virtual_key,
        "api_key": target.api_key and MASK,
        "custom_host": target.custom_host,
        "request_timeout": None if target.request_timeout is None else int(target.request_timeout * 1000),
        "forward_headers": target.forward_headers,
        "default_params": dict(target.default_params),
        "override_params": dict(target.override_params),
        "drop_params": target.drop_params,
        "retry": {
            "attempts": retry.attempts,
            "on_status_codes": sorted(retry.on_status_codes),
            "use_retry_after_headers": retry.use_retry_after,
        }
        if retry.attempts
        else None,
        "cb_config": target.breaker and msgspec.to_builtins(target.breaker),
        "settings": dict.fromkeys(target.settings, MASK),  # some of them are credentials
    }
