"""Compiles a config: its JSON text becomes the plan that the router walks, or an error that says what to write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
from itertools import accumulate
from math import isfinite
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from emberway.routing.config_error import Steps, nearest, path, refused, wrong
from emberway.routing.config_fields import CONFIG, MOST_TARGETS
from emberway.routing.config_text import read_text
from emberway.routing.inheritance import NOTHING, Inherited, taken_over
from emberway.routing.level import Level, ShadowLevel, Strategy
from emberway.routing.plan import Condition, Group, Node, Plan, Shadow, Target
from emberway.secret import Secret

MOST_GROUPS = 16
"""Groups inside each other."""
MOST_LEAVES = 2_000
"""Of one config."""
MOST_PATTERNS = 20
"""Of one config: each may take 10 ms of the event loop, see `patterns.py`."""


def compile_config(text: str | bytes, *, knows_provider: Callable[[str], bool] = lambda name: True) -> Plan:
    """The plan that a config's JSON text stands for (specification, section 4; ``config_fields.py`` lists its fields).

    ``knows_provider`` says whether a provider's name, one without ``@``, is spoken here. Raises InvalidConfig for the
    first thing that is wrong: first of the text, then of the tree's size, of single objects in the order they are
    written in, and of what they say about each other. Its ``param`` is the JSON path.
    """
    config = read_text(text)
    _measure(config)
    level: Level = CONFIG.read(config, ())
    return _Compilation(_digest(config), knows_provider).plan(level)


class _Placed(NamedTuple):
    """A level, where it stands, and what holds there."""

    level: Level
    at: Steps
    inherited: Inherited


class _Compilation(Struct, frozen=True):
    version: str
    knows_provider: Callable[[str], bool]

    def plan(self, config: Level) -> Plan:
        top = _Placed(config, (), taken_over(NOTHING, config, ()))
        root = self.node(top)
        shadow = None if config.shadow is None else self.shadow(config.shadow, top)
        return Plan(root, self.version, shadow, config.cache, _reads_params(config))

    def shadow(self, shadow: ShadowLevel, top: _Placed) -> Shadow:
        target = self.target(_below(top, shadow.target, ("shadow", "target")))
        return Shadow(target, shadow.share, shadow.max_concurrency)

    def node(self, placed: _Placed, siblings: tuple[str, ...] | None = None) -> Node:
        strategy = placed.level.strategy
        return self.target(placed, siblings) if strategy is None else self.group(placed, strategy)

    def group(self, placed: _Placed, strategy: Strategy) -> Group:
        level, at, inherited = placed
        below = [_below(placed, target, ("targets", index)) for index, target in enumerate(level.targets)]
        siblings = tuple(dict.fromkeys(self.key(one) for one in below if one.level.strategy is None))
        conditions, default = _destinations(strategy, level.targets, at)
        return Group(
            _node_path(at),
            strategy.mode,
            tuple([self.node(one, siblings) for one in below]),
            level.name,
            level.weight,
            strategy.on_status_codes if strategy.mode == "fallback" else None,
            _running_sums(level.targets, at) if strategy.mode == "loadbalance" else (),
            strategy.sticky,
            conditions,
            default,
            inherited.hedge,
        )

    def target(self, placed: _Placed, siblings: tuple[str, ...] | None = None) -> Target:
        level, at, inherited = placed
        key = self.key(placed)
        return Target(
            path=_node_path(at),
            key=key,
            siblings=siblings or (key,),
            name=level.name,
            weight=level.weight,
            provider=self.provider(level.provider, at),
            api_key=level.api_key,
            virtual_key=level.virtual_key,
            override_params=inherited.override_params,
            default_params=inherited.default_params,
            drop_params=inherited.drop_params,
            retry=inherited.retry,
            request_timeout=inherited.request_timeout,
            custom_host=inherited.custom_host,
            forward_headers=inherited.forward_headers,
            strict_open_ai_compliance=inherited.strict_open_ai_compliance,
            breaker=inherited.breaker,
            settings=level.settings,
        )

    def provider(self, name: str | None, at: Steps) -> str | None:
        """The name as the rest of the house has it; InvalidConfig for one that nobody knows."""
        if name is None or (not name.startswith("@") and self.knows_provider(name)):
            return name
        slug = name.partition("/")[0]  # '@slug/model' names the slug (specification 2.11)
        if name.startswith("@") and len(slug) > 1:
            return slug
        spelt = name.lower().replace("_", "-")
        known = not name.startswith("@") and self.knows_provider(spelt)
        advice = f"Did you mean '{spelt}'?" if known else ""
        raise wrong((*at, "provider"), name, "a provider that this gateway speaks to, or '@' and a slug", advice)

    def key(self, placed: _Placed) -> str:
        """Equal for equal places, see Target; where the call's headers name the place, no two leaves are equal."""
        level, at, inherited = placed
        model = inherited.override_params.get("model")
        if not level.provider and not level.virtual_key and not _names_a_slug(model):
            return _digest((self.version, _node_path(at)))
        credential = (level.api_key, level.virtual_key, dict(level.settings))
        return _digest((self.provider(level.provider, at), credential, inherited.custom_host, model))


def _measure(config: Any) -> None:
    """Raise InvalidConfig if the tree is too large, before any of it is read: reading takes a while."""
    leaves = patterns = 0
    ahead: list[tuple[Any, Steps]] = [(config, ())]
    while ahead:
        value, at = ahead.pop()
        patterns += _patterns_in(value)
        if patterns > MOST_PATTERNS:
            raise refused(at, f"The config has more than {MOST_PATTERNS} patterns ($regex) in all.", _SPLIT)
        targets = value.get("targets") if isinstance(value, dict) else None
        if not isinstance(targets, list) or not targets:
            leaves += 1
            if leaves > MOST_LEAVES:
                raise refused(at, f"The config has more than {MOST_LEAVES:,} targets in all.", _SPLIT)
        elif len(at) >= 2 * MOST_GROUPS:
            raise refused(at, f"The config has more than {MOST_GROUPS} strategies inside each other.", _SPLIT)
        elif len(targets) > MOST_TARGETS:
            where = (*at, "targets")
            raise refused(where, f"The config's {path(where)} has more than {MOST_TARGETS:,} entries.", _SPLIT)
        else:
            ahead.extend((target, (*at, "targets", index)) for index, target in reversed([*enumerate(targets)]))


_SPLIT = "Write several configs."


def _patterns_in(level: Any) -> int:
    """How many patterns the conditions of this level hold, whatever else is in them."""
    strategy = level.get("strategy") if isinstance(level, dict) else None
    ahead: list[Any] = [strategy.get("conditions")] if isinstance(strategy, dict) else []
    found = 0
    while ahead:
        value = ahead.pop()
        if isinstance(value, dict):
            found += "$regex" in value
            ahead.extend(value.values())
        elif isinstance(value, list):
            ahead.extend(value)
    return found


def _below(placed: _Placed, level: Level, steps: Steps) -> _Placed:
    at = placed.at + steps
    return _Placed(level, at, taken_over(placed.inherited, level, at))


def _node_path(at: Steps) -> str:
    """``config.targets[1]``: as Portkey's clients read it in a header (specification 3)."""
    return "config" + path(at)[1:]


def _names_a_slug(model: Any) -> bool:
    """Whether a model's name begins with a saved provider's slug; Cloudflare's ``@cf/`` and ``@hf/`` are none."""
    return isinstance(model, str) and model.startswith("@") and not model.startswith(("@cf/", "@hf/"))


def _running_sums(targets: Sequence[Level], at: Steps) -> tuple[float, ...]:
    sums = tuple(accumulate(target.weight for target in targets))
    if not sums[-1] > 0 or not isfinite(sums[-1]):
        raise refused(
            (*at, "targets"),
            f"The weights in the config's {path((*at, 'targets'))} add up to {'0' if not sums[-1] else 'no number'}.",
            "Give at least one target a weight above 0, such as 1, and none an astronomical one.",
        )
    return sums


def _destinations(strategy: Strategy, targets: Sequence[Level], at: Steps) -> tuple[tuple[Condition, ...], int | None]:
    """The conditions and the default of a conditional group, with positions for names; else nothing."""
    if strategy.mode != "conditional":
        return (), None
    names: dict[str, int] = {}
    for index, target in enumerate(targets):
        if target.name is not None and names.setdefault(target.name, index) != index:
            where = (*at, "targets", index, "name")
            named = f"The config's {path(where)} is '{target.name[:64]}', and so is another target's beside it."
            raise refused(where, named, "Rename one.")
    conditions = tuple(
        Condition(branch.query.examine, _position(branch.then, names, (*at, "strategy", "conditions", index, "then")))
        for index, branch in enumerate(strategy.conditions)
    )
    if strategy.default is None:
        return conditions, None
    return conditions, _position(strategy.default, names, (*at, "strategy", "default"))


def _position(name: str, names: dict[str, int], at: Steps) -> int:
    if name not in names:
        near = nearest(name, names)
        raise refused(
            at,
            f"The config's {path(at)} is '{name[:64]}', which is the name of no target beside its strategy.",
            f"Did you mean '{near}'?" if near else "Give a target that name, or write another.",
        )
    return names[name]


def _reads_params(level: Level) -> bool:
    strategy = level.strategy
    if strategy is None:
        return False
    fields = strategy.sticky.hash_fields if strategy.sticky else ()
    return (
        any(branch.query.reads_params for branch in strategy.conditions)
        or any(field.startswith("params.") for field in fields)
        or any(map(_reads_params, level.targets))
    )


def _digest(value: Any) -> str:
    """128 bits in hexadecimal, equal for equal JSON values whatever the order of their keys."""
    return sha256(_canonical(value)).hexdigest()[:32]


def _plain(value: Any) -> Any:
    assert isinstance(value, Secret)
    return value.reveal()


_canonical = msgspec.json.Encoder(order="sorted", enc_hook=_plain).encode
