"""Walks a plan for one call: a group defers to its strategy, a target is sent to and, where its retries say so, again.

The whole of it is one generator (`base.py` says what it yields and hears), so every question about routing is a test
without network or clock: ``tests/playbook.py``.
"""

from __future__ import annotations

from emberway.routing.base import Context, Outcome, Route, Send, Step, Verdict
from emberway.routing.plan import Group, Node, Target
from emberway.routing.retry import is_success, note, persist
from emberway.routing.strategies import STRATEGIES


def route(node: Node, context: Context) -> Route:
    """What to do for a call that reached ``node``: drive the generator, and its value is what the client gets.

    Whatever failed, the verdict is the last outcome that came. The call itself, or any later step, raises InvalidCall
    when a conditional group has no node for this call: that ends the request, wherever the group stands (captured).
    """
    if type(node) is Group:  # isinstance takes 0.1 µs longer to say no to a struct, benchmarks/router.py
        return STRATEGIES[node.mode](node, context, route)
    assert type(node) is Target
    return _send(node, context)


def _send(target: Target, context: Context) -> Route:
    """One leaf, from its first sending to its last. Nobody is asked whether it is out: whoever chose it has asked."""
    context.trail.append(Step("sent", target.path, 0))
    outcome: Outcome = yield Send(target, 0)
    note(target, outcome, context)
    if is_success(outcome):
        return Verdict(target, outcome, 0)
    return (yield from persist(target, outcome, context))
