"""Rules of the house that are easy to break without noticing, checked on the syntax trees of the source.

A rule is a function from the house to its offences; the rule's docstring is what the person who broke it gets to read.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from emberway.providers import PROVIDERS

ROOT = Path(__file__).parent.parent

FEATURES = ("accounts", "analytics", "cache", "configs", "limits", "logs", "prompts", "vault")
STAIRCASE = (
    ("errors", "exchange", "hardening", "ids", "secret", "settings", "tasks", "telemetry"),  # what everyone may use
    ("wire",),  # pure: formats
    ("catalog", "providers", "routing"),  # pure: describe, price, decide
    ("storage", "upstream"),  # where the process waits for others
    FEATURES,  # a noun, its rules, its store
    ("pipeline",),  # one request, start to finish
    ("admin", "console", "edge", "server"),  # HTTP: for operators, for people, for programs, and its bytes
    ("__main__", "app", "cli", "launch"),  # builds and starts
)
STEP = {part: step for step, parts in enumerate(STAIRCASE) for part in parts}
SHARED = (0, len(STAIRCASE) - 1)
"""Steps whose parts are single files, and may use one another."""

PURE_STEPS = (1, 2)
PURE_FILES = (
    "accounts.keys", "edge.failure", "edge.headers", "edge.path", "errors", "exchange", "secret", "server.request_head",
    "server.response_head", "upstream.addresses", "upstream.framing", "upstream.request", "upstream.unpacking",
    "vault.cipher", "vault.envelope", "vault.keyring", "vault.master_key", "vault.proof", "vault.rotation",
    "vault.self_test",
)  # fmt: skip
IMPURE = (
    "anyio", "asyncio", "concurrent", "granian", "httptools", "logging", "multiprocessing", "os", "pathlib", "random",
    "secrets", "select", "selectors", "signal", "socket", "sqlite3", "sqlalchemy", "ssl", "starlette", "subprocess",
    "tempfile", "threading", "time", "uuid", "uvloop", "emberway.hardening", "emberway.ids", "emberway.settings",
    "emberway.tasks", "emberway.telemetry",
)  # fmt: skip

HOMES = {
    "alembic": ("storage",),
    "httptools": ("server", "upstream"),
    "jsonschema_rs": ("wire",),
    "llguidance": ("wire",),
    "psycopg": ("storage",),
    "re2": ("routing",),
    "socket": ("cli", "server", "upstream"),
    "sqlalchemy": (*FEATURES, "storage"),
    "sqlite3": ("storage",),
    "ssl": ("cli", "upstream"),
    "subprocess": ("cli", "upstream", "vault"),
}
KNOW_PROVIDERS = ("app", "catalog", "cli", "providers", "settings")

MOST_LINES = 600

TESTED_ELSEWHERE = {
    "contract/test_changes.py": ("storage.changes",),
    "contract/test_engine.py": ("storage.engine",),
    "contract/test_migrate.py": ("storage.migrations.env", "storage.migrations.versions.0001_control_plane"),
    "contract/test_postgresql.py": ("storage.engines.postgresql",),
    "contract/test_sqlite.py": ("storage.engines.sqlite",),
    "integration/edge": ("app", "edge.app", "edge.request"),
    "integration/edge/test_routes.py": (
        "edge.endpoints", "edge.endpoints.base", "edge.endpoints.health", "edge.endpoints.inference",
        "edge.endpoints.models", "edge.endpoints.passthrough", "edge.endpoints.unbuilt", "edge.head", "edge.routes",
    ),
    "integration/edge/test_explain.py": ("edge.endpoints.explain", "pipeline.explain", "routing.description"),
    "integration/edge/test_routing.py": (
        "pipeline.destination", "pipeline.drive", "pipeline.obtain", "pipeline.shadow",
    ),
    "integration/server": (
        "server.connection", "server.cycle", "server.hub", "server.kernel", "server.lifespan", "server.outlet",
        "server.refusal", "server.request_head", "server.server",
    ),
    "integration/test_start.py": ("cli.emulator", "cli.serve", "cli.sources", "cli.up"),
    "integration/upstream": (
        "upstream.answer", "upstream.client", "upstream.deadlines", "upstream.dialer", "upstream.site",
        "upstream.upload",
    ),
    "integration/vault/test_key_command.py": ("vault.key_command",),
    "unit/catalog/test_models.py": ("catalog",),
    "unit/cli/test_banner.py": ("cli.liveness",),
    "unit/cli/test_demo.py": ("cli.demo_calls", "cli.http"),
    "unit/cli/test_doctor.py": ("cli.examination",),
    "unit/cli/test_group.py": ("cli",),
    "unit/cli/test_main.py": ("__main__", "cli.failure"),
    "unit/cli/test_settings_command.py": ("cli.settings",),
    "unit/providers/test_find.py": ("providers",),
    "unit/providers/test_fireworks.py": ("providers.model_rules",),
    "unit/providers/test_fireworks_images.py": ("providers.fireworks_image_answers",),
    "unit/routing/test_conditional.py": ("routing.strategies.conditional",),
    "unit/routing/test_fallback.py": ("routing.strategies.fallback",),
    "unit/routing/test_loadbalance.py": ("routing.strategies.loadbalance",),
    "unit/routing/test_router.py": ("routing.strategies",),
    "unit/routing/test_single.py": ("routing.strategies.single",),
    "unit/routing/test_config.py": ("routing.config_error", "routing.records"),
    "unit/routing/test_schema.py": ("routing.config_fields", "routing.query_shape", "routing.shapes"),
    "unit/settings/test_settings.py": ("settings",),
    "unit/storage/engines/test_find.py": ("storage.engines",),
    "unit/storage/test_failures.py": ("storage.engines.base",),
    "unit/test_errors_reference.py": ("errors",),
    "unit/wire/test_gbnf.py": (
        "wire.gbnf_meaning", "wire.gbnf_opinion", "wire.gbnf_quoted", "wire.gbnf_reader", "wire.gbnf_text",
    ),
    "unit/wire/test_schema_check.py": ("wire.schema_references", "wire.schema_walk"),
}  # fmt: skip
"""Tests → the modules that they hold beside, or instead of, the one that their name and folder say."""
ONLY_NOUNS = {
    "emberway", "exchange", "providers.base", "routing", "routing.base", "routing.facts", "routing.level",
    "routing.plan", "upstream.base",
}  # fmt: skip
"""Modules of types and values, which nothing but their use can test."""

EXEMPT = {
    ("edge.headers", "fireworks-"): "limits that a provider tells in headers pass under its own names",
    ("edge.headers", "x-fireworks-"): "the same",
    ("pipeline.resolve", "fireworks-ai"): "the example in an error message",
    ("routing.provider_settings", "fireworks_account_id"): "a field of configs, as Portkey names it",
    (
        "server.cycle",
        "hub.loop.create_task",
    ): "names, keeps and reports its task itself, for 2 µs less than tasks.start",
    ("upstream.emulator_process", "fireworks_emulator"): "a module's name, for python -m",
    ("upstream.scripted", "asyncio.ensure_future"): "both tasks are over before the function that made them is",
    # For annotations: things that point at each other while a request lasts.
    ("server.cycle", "server.connection"): "a cycle writes to the connection that made it",
    ("server.hub", "server.connection"): "the hub holds all connections",
    ("server.hub", "server.outlet"): "and those that are slow",
    ("upstream.answer", "upstream.connection"): "an answer is read from its connection",
    ("upstream.connection", "upstream.site"): "a connection goes back to its site",
}
"""A module and what it has → why it may."""


@dataclass(frozen=True)
class Module:
    """One source file."""

    name: str
    """With dots, as it is imported."""
    tree: ast.Module

    @property
    def part(self) -> str:
        """The folder or file of its package that it is or lies in."""
        return self.name.partition(".")[2].partition(".")[0]

    @property
    def short(self) -> str:
        """Its name inside the gateway's package."""
        return self.name.removeprefix("emberway.")

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """Its whole tree, flat."""
        return list(ast.walk(self.tree))

    @cached_property
    def imports(self) -> set[str]:
        """All that is imported, wherever the statement stands: ``emberway.wire.sse.Event``."""
        whole = {alias.name for node in self.nodes if isinstance(node, ast.Import) for alias in node.names}
        froms = [node for node in self.nodes if isinstance(node, ast.ImportFrom)]
        return whole | {f"{node.module}.{alias.name}" for node in froms for alias in node.names}

    @cached_property
    def calls(self) -> set[str]:
        """What is called, as written: ``asyncio.create_task``."""
        return {ast.unparse(node.func) for node in self.nodes if isinstance(node, ast.Call)}


class House(dict[str, Module]):
    """Every module of both packages, by its name."""

    def __init__(self, source: Path) -> None:
        for path in sorted((*source.glob("emberway/**/*.py"), *source.glob("fireworks_emulator/**/*.py"))):
            name = ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")
            self[name] = Module(name, ast.parse(path.read_text("utf-8")))
        self.gateway = [module for module in self.values() if module.name.startswith("emberway")]

    def own_imports(self, module: Module) -> set[Module]:
        """The modules of this house that ``module`` imports, whole or a name of theirs."""
        return {
            found for target in module.imports if (found := self.get(target) or self.get(target.rpartition(".")[0]))
        }


Offence = tuple[str, str]
"""The module, without the gateway's name in front, and what it has that it may not have."""


def staircase(house: House) -> Iterator[Offence]:
    """A module imports from lower steps of STAIRCASE or from its own folder; a new folder gets a step there."""
    for module in house.gateway:
        for target in house.own_imports(module):
            if module.part == target.part or "" in (module.part, target.part):
                continue
            here, there = STEP.get(module.part), STEP.get(target.part)
            if here is None or there is None or there > here or (there == here and here not in SHARED):
                yield module.short, target.short


def cycles(house: House) -> Iterator[Offence]:
    """No two modules need each other, however many lie between them."""
    needs = {
        module.short: {other for one in house.own_imports(module) if (module.short, other := one.short) not in EXEMPT}
        for module in house.values()
    }
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        yield error.args[1][0], " <- ".join(error.args[1])


def purity(house: House) -> Iterator[Offence]:
    """What decides neither waits nor looks at clocks, dice, files or other processes: such things are handed to it."""
    for module in house.gateway:
        if STEP.get(module.part) in PURE_STEPS or module.short in PURE_FILES:
            yield from ((module.short, name) for name in _among(IMPURE, module))


def homes(house: House) -> Iterator[Offence]:
    """What HOMES lists is imported in its home only."""
    for module in house.gateway:
        yield from ((module.short, name) for name in _among(HOMES, module) if module.part not in HOMES[name])


def strangers(house: House) -> Iterator[Offence]:
    """Gateway and emulator share no code: if both misread the provider in one place, they would agree."""
    for module in house.values():
        other = "fireworks_emulator" if module in house.gateway else "emberway"
        yield from ((module.short, name) for name in _among([other], module))


def provider_names(house: House) -> Iterator[Offence]:
    """A provider is named where its rules are and by what configures or shows it; for the rest it is a value."""
    for module in house.gateway:
        prose = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
        for node in module.nodes:
            if module.part not in KNOW_PROVIDERS and isinstance(node, ast.Constant) and id(node) not in prose:
                text = node.value.decode("latin-1") if isinstance(node.value, bytes) else str(node.value)
                if text in PROVIDERS:
                    yield module.short, text
                elif found := re.search(r"[\w-]*fireworks[\w-]*", text, re.IGNORECASE):
                    yield module.short, found[0]


def environment(house: House) -> Iterator[Offence]:
    """The environment is read by settings.py; everyone else is given values."""
    ways = {"os.environ", "os.environb", "os.getenv", "os.putenv"}
    for module in house.values():
        if module.short != "settings":
            said = {ast.unparse(node) for node in module.nodes if isinstance(node, ast.Attribute)}
            yield from ((module.short, way) for way in ways & (said | module.imports))


def background_tasks(house: House) -> Iterator[Offence]:
    """A task that nobody waits for is started by tasks.py, which names it, keeps it and reports its death."""
    for module in house.gateway:
        groups = {
            ast.unparse(item.optional_vars)
            for node in module.nodes
            if isinstance(node, ast.AsyncWith)
            for item in node.items
            if item.optional_vars and "TaskGroup" in ast.unparse(item.context_expr)
        }
        for call in module.calls if module.short != "tasks" else ():
            owner, _, method = call.rpartition(".")
            if method in ("create_task", "ensure_future") and owner not in groups:
                yield module.short, call


def printing(house: House) -> Iterator[Offence]:
    """Only commands print."""
    for module in house.values():
        if module.part != "cli" and "print" in module.calls:
            yield module.short, "print"


def docstrings(house: House) -> Iterator[Offence]:
    """A module begins with the sentence that says why it exists."""
    for module in house.values():
        if module.tree.body and not ast.get_docstring(module.tree):
            yield module.short, "no docstring"


def length(house: House) -> Iterator[Offence]:
    """A file that long holds more than one idea: find the second."""
    for module in house.values():
        lines = max((node.end_lineno or 0 for node in module.tree.body), default=0)
        if lines > MOST_LINES:
            yield module.short, f"{lines} lines"


def untested(house: House) -> Iterator[Offence]:
    """``wire/sse.py`` is held by ``tests/unit/wire/test_sse.py``, or TESTED_ELSEWHERE says by what."""
    elsewhere = {name for names in TESTED_ELSEWHERE.values() for name in names}
    for module in house.gateway:
        folder, _, name = module.short.rpartition(".")
        mirror = ROOT / "tests" / "unit" / folder.replace(".", "/") / f"test_{name}.py"
        if module.tree.body and not mirror.exists() and module.short not in elsewhere | ONLY_NOUNS:
            yield module.short, "no test"


def _among(names: Iterable[str], module: Module) -> set[str]:
    return {name for name in names for target in module.imports if f"{target}.".startswith(f"{name}.")}


RULES = (
    staircase, cycles, purity, homes, strangers, provider_names, environment, background_tasks, printing, docstrings,
    length, untested,
)  # fmt: skip
Rule = Callable[[House], Iterator[Offence]]


@pytest.fixture(scope="module")
def house() -> House:
    return House(ROOT / "src")


def offences(rule: Rule, house: House) -> list[str]:
    return [f"{module}: {what}" for module, what in rule(house) if (module, what) not in EXEMPT]


@pytest.mark.parametrize("rule", RULES)
def test_the_house_keeps_the_rule_of(rule: Rule, house: House) -> None:
    found = offences(rule, house)

    assert not found, f"{rule.__doc__}\n" + "\n".join(sorted(found))


@pytest.mark.parametrize("line", EXEMPT)
def test_an_exemption_is_needed(line: Offence, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(EXEMPT, line)

    assert any(offences(rule, house) for rule in RULES)


def test_every_pure_file_exists(house: House) -> None:
    assert not {f"emberway.{name}" for name in PURE_FILES} - house.keys()


def test_a_test_that_stands_for_others_exists_and_is_needed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = {name: tests for tests, names in TESTED_ELSEWHERE.items() for name in names}
    monkeypatch.setitem(globals(), "TESTED_ELSEWHERE", {})

    assert [tests for tests in listed.values() if not (ROOT / "tests" / tests).exists()] == []
    assert listed.keys() == {module for module, _ in untested(house)}


def test_unit_tests_lie_in_folders_named_after_what_they_test(house: House) -> None:
    folders = {path.parent.name for path in (ROOT / "tests" / "unit").glob("*/test_*.py")}

    assert folders <= {module.part for module in house.gateway} | {"emulator"}


@pytest.mark.parametrize(
    ("rule", "path", "code", "what"),
    [
        (staircase, "wire/sse.py", "from emberway.edge import app", "edge.app"),
        (staircase, "wire/sse.py", "def late():\n    import emberway.edge.app", "edge.app"),
        (staircase, "wire/sse.py", "if TYPE_CHECKING:\n    from emberway.edge.app import Edge", "edge.app"),
        (staircase, "server/hub.py", "from emberway.edge.app import Edge", "edge.app"),
        (staircase, "attic/box.py", "import emberway.errors", "errors"),
        (cycles, "errors.py", "import emberway.exchange", "errors <- exchange <- errors"),
        (purity, "routing/retry.py", "from time import monotonic", "time"),
        (purity, "wire/sse.py", "import os.path", "os"),
        (purity, "edge/headers.py", "from emberway import tasks", "emberway.tasks"),
        (homes, "pipeline/run.py", "def late():\n    import socket", "socket"),
        (strangers, "pipeline/run.py", "from fireworks_emulator.facts import FACTS", "fireworks_emulator"),
        (strangers, "../fireworks_emulator/chat.py", "import emberway.errors", "emberway"),
        (provider_names, "pipeline/run.py", "slow = name == 'groq'", "groq"),
        (provider_names, "edge/app.py", "def f():\n    return f'api.fireworks.ai/{path}'", "fireworks"),
        (environment, "edge/app.py", "from os import environ", "os.environ"),
        (environment, "edge/app.py", "import os\nhome = os.environ['HOME']", "os.environ"),
        (background_tasks, "edge/app.py", "task = asyncio.create_task(work())", "asyncio.create_task"),
        (background_tasks, "edge/app.py", "task = loop.create_task(work())", "loop.create_task"),
        (printing, "edge/app.py", "print('here')", "print"),
        (docstrings, "edge/app.py", "import emberway", "no docstring"),
        (length, "edge/app.py", "x = 1\n" * 601, "601 lines"),
        (untested, "edge/attic.py", "x = 1", "no test"),
    ],
)
def test_an_offence_is_found(rule: Rule, path: str, code: str, what: str, tmp_path: Path) -> None:
    house = built(tmp_path, {"exchange.py": "import emberway.errors", "errors.py": "", "edge/app.py": "", path: code})

    assert what in {offence for _, offence in rule(house)}


@pytest.mark.parametrize(
    ("rule", "path", "code"),
    [
        (staircase, "edge/body.py", "from emberway.errors import GatewayError\nimport emberway.edge.app"),
        (cycles, "exchange.py", "import emberway.errors"),
        (purity, "pipeline/run.py", "import time"),
        (
            background_tasks,
            "edge/app.py",
            "async def f():\n async with TaskGroup() as group:\n  group.create_task(g())",
        ),
        (provider_names, "edge/app.py", "'''What Fireworks wants.'''"),
        (docstrings, "edge/__init__.py", ""),
        (length, "edge/app.py", "x = 1\n" * 600),
        (untested, "edge/failure.py", "x = 1"),
        (untested, "edge/endpoints/health.py", "x = 1"),
    ],
)
def test_what_keeps_the_rule_is_no_offence(rule: Rule, path: str, code: str, tmp_path: Path) -> None:
    house = built(tmp_path, {"errors.py": "", "edge/app.py": "", path: code})

    assert list(rule(house)) == []


def built(folder: Path, files: dict[str, str]) -> House:
    """A house of a few files, each with its path below the gateway's package."""
    for name, text in files.items():
        file = folder / "emberway" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, "utf-8")
    return House(folder)
