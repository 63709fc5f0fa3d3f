"""Keeps the health of targets apart that a caller's headers send elsewhere than others of the same config."""

from __future__ import annotations

from hashlib import sha256

from msgspec.structs import replace

from emberway.routing.plan import Node, Plan, Target


def apart(plan: Plan, *headers: str | None) -> Plan:
    """``plan``, its targets' health shared by calls with equal ``headers`` alone; ``plan`` itself if none is set.

    A caller who names a dead host, or another provider, must not put a target out for everybody.
    """
    if not any(headers):
        return plan
    mark = "@" + sha256("\0".join(header or "" for header in headers).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return replace(plan, root=_marked(plan.root, mark))


def _marked(node: Node, mark: str) -> Node:
    if isinstance(node, Target):
        return replace(node, key=node.key + mark, siblings=tuple(key + mark for key in node.siblings))
    return replace(node, nodes=tuple(_marked(each, mark) for each in node.nodes))
