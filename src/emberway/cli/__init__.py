"""The command line. A command parses, makes one call and prints; each has a file of its own."""

from __future__ import annotations

import click

from emberway import __version__
from emberway.cli.group import Entry, LazyGroup

COMMANDS = [
    Entry("up", "emberway.cli.up:up", "Start the gateway."),
    Entry("demo", "emberway.cli.demo:demo", "Send a mixed set of calls to a running gateway."),
    Entry("check", "emberway.cli.check:check", "Check a grammar or a JSON Schema before a provider sees it."),
    Entry("explain", "emberway.cli.explain:explain", "Say where a call would go under a config, and why."),
    Entry("doctor", "emberway.cli.doctor:doctor", "See whether this machine lets the gateway run."),
    Entry("settings", "emberway.cli.settings:settings", "Show the settings and where each came from."),
    Entry("emulator", "emberway.cli.emulator:emulator", "Run the provider emulator alone."),
]

EXAMPLES = (
    "emberway up                       start; prints a curl that works",
    "emberway up --emulator            no provider key: the built-in emulator answers",
    "emberway demo                     fill it with 200 calls of all kinds",
    "emberway settings --origin        what is set, and by what",
)


@click.command(cls=LazyGroup, entries=COMMANDS, examples=EXAMPLES, context_settings={"max_content_width": 100})
@click.version_option(__version__, prog_name="emberway", message="%(prog)s %(version)s")
def cli() -> None:
    """A self-hosted AI gateway that speaks Portkey's wire protocol."""
