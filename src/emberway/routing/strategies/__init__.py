"""The strategies that a group can name: to add one, write its file and give it a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from emberway.routing.base import Context, Route, Walk
from emberway.routing.plan import Group, Mode
from emberway.routing.strategies.conditional import conditional
from emberway.routing.strategies.fallback import fallback
from emberway.routing.strategies.loadbalance import loadbalance
from emberway.routing.strategies.single import single

Strategy = Callable[[Group, Context, Walk], Route]
"""Decides which nodes of a group are walked, and in what order."""

STRATEGIES: Mapping[Mode, Strategy] = {
    "single": single,
    "fallback": fallback,
    "loadbalance": loadbalance,
    "conditional": conditional,
}
