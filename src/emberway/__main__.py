"""The program: ``emberway`` and ``python -m emberway``."""

from __future__ import annotations

import os
import sys

import click

from emberway.cli import cli
from emberway.cli.failure import FAILED, INTERRUPTED, CommandFailed


def main() -> None:
    """Run the command line and end with its status (0, 1, 2, 3, 4, 78 or 130: see ``cli/failure.py``)."""
    sys.exit(_status_of_run())


def _status_of_run() -> int:
    try:
        # Out of standalone mode a command's own return value comes back; only --help and --version give a status.
        outcome = cli.main(prog_name="emberway", standalone_mode=False)
        return outcome if isinstance(outcome, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except CommandFailed as error:
        click.echo(f"emberway: {error}", err=True)
        return error.status
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Our reader (`| head`) left; without this the interpreter complains again when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


if __name__ == "__main__":
    main()
