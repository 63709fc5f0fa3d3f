from __future__ import annotations

from tests.playbook import group, target

from emberway.routing.apart import apart
from emberway.routing.plan import Group, Plan, Target


def leaves(plan: Plan) -> list[Target]:
    assert isinstance(plan.root, Group)
    return [node for node in plan.root.nodes if isinstance(node, Target)]


PLAN = Plan(
    group("fallback", *(Target(f"config.targets[{n}]", key=f"k{n}", siblings=("k0", "k1")) for n in (0, 1))), "v"
)


def test_a_plan_without_such_headers_stays_as_it_is() -> None:
    assert apart(PLAN, None, None) is PLAN


def test_equal_headers_share_their_health_and_different_ones_do_not() -> None:
    keys = {
        tuple(each.key for each in leaves(apart(PLAN, *headers)))
        for headers in (("https://a", None), ("https://a", None), (None, "https://a"), ("https://b", None))
    }

    assert len(keys) == 3
    assert ("k0", "k1") not in keys


def test_siblings_are_still_siblings() -> None:
    first, second = leaves(apart(PLAN, "https://a"))

    assert first.siblings == second.siblings == (first.key, second.key)


def test_nested_groups_are_marked_too() -> None:
    nested = Plan(group("fallback", group("single", target("a"))), "v")
    inner = apart(nested, "x").root

    assert isinstance(inner, Group)
    assert isinstance(inner.nodes[0], Group)
    assert isinstance(inner.nodes[0].nodes[0], Target)
    assert inner.nodes[0].nodes[0].key.startswith(target("a").key + "@")
