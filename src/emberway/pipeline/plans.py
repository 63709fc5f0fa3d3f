"""Compiles a config once for all calls that send it."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from emberway.errors import NotBuilt
from emberway.routing.config import compile_config
from emberway.routing.plan import Plan

KEPT = 60.0
"""Seconds until everything is forgotten: a config may hold credentials, and compiling it again takes half a ms."""
MOST = 1024
"""Plans that are kept; those that were used longest ago are compiled anew."""
LONGEST = 32 * 1024
"""Characters of a config that is kept: a request's head holds no longer one."""


class Plans:
    """The plans of the configs that came last."""

    def __init__(
        self,
        knows_provider: Callable[[str], bool] = lambda slug: True,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """``knows_provider``: whether a slug is that of a provider, ``@slug`` apart."""
        self._knows_provider = knows_provider
        self._clock = clock
        self._forget_at = 0.0
        self._kept: OrderedDict[str, Plan] = OrderedDict()

    def of(self, config: str) -> Plan:
        """The plan of ``config``, as the header holds it. Raises InvalidConfig for one that cannot be followed."""
        now = self._clock()
        if now > self._forget_at:
            self._kept.clear()
            self._forget_at = now + KEPT
        plan = self._kept.get(config)
        if plan is not None:
            self._kept.move_to_end(config)
            return plan
        if not config.startswith("{"):
            raise _no_saved_configs(config)
        plan = compile_config(config, knows_provider=self._knows_provider)
        if len(config) <= LONGEST:
            self._kept[config] = plan
            if len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return plan


def _no_saved_configs(slug: str) -> NotBuilt:
    return NotBuilt(
        f"Saved configs ('{slug[:64]}') are not part of this release. Send the config itself, a JSON object, in "
        "x-portkey-config.",
        param="x-portkey-config",
        code="saved_configs_not_built",
    )
