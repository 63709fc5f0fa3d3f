"""``emberway emulator``: the provider on your desk, without a gateway in front."""

from __future__ import annotations

import os
import sys

import click

from emberway.cli.failure import CommandFailed
from emberway.cli.group import ExamplesFirst
from emberway.settings import take_environment
from emberway.upstream.emulator_process import PROGRAM

EXAMPLES = (
    "emberway emulator",
    "emberway emulator --port 9100",
)


@click.command(cls=ExamplesFirst, examples=EXAMPLES)
@click.option("--port", type=click.IntRange(0, 65535), default=8788, show_default=True, help="0 for any free one.")
def emulator(port: int) -> None:
    """Run the provider emulator alone, in place of this process; it takes any key that begins with fw_."""
    take_environment()
    try:
        os.execv(sys.executable, [sys.executable, *PROGRAM, "--port", str(port)])  # noqa: S606 - our own program
    except OSError as error:
        raise CommandFailed(f"The emulator cannot be started: {error.strerror}.") from None
