"""``python -m fireworks_emulator``: the emulated provider as a process of its own."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Callable, Sequence

from fireworks_emulator.settings import Settings


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until stopped; the exit status. Prints one line on stdout once connections are accepted."""
    given = _parser().parse_args(arguments)
    from fireworks_emulator.app import Application  # after the arguments, so that --help is quick
    from fireworks_emulator.server import CannotListen, serve

    settings = Settings(given.rate, given.seed, given.strict_catalogue, frozenset(given.key))
    application = Application(settings, None if given.quiet else _to_stderr)
    try:
        asyncio.run(serve(application, given.host, given.port, _announce(given.host), given.parent))
    except CannotListen as problem:
        _to_stderr(str(problem))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("fireworks_emulator", description="An emulated Fireworks AI API on this machine.")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    parser.add_argument("--port", type=int, default=0, help="port to listen on (default: a free one)")
    parser.add_argument("--rate", type=_rate, default=0.0, help="tokens per second of a stream (default: no limit)")
    parser.add_argument("--seed", type=int, help="seeds answers and ids")
    parser.add_argument("--strict-catalogue", action="store_true", help="answer 404 for models the provider retired")
    parser.add_argument("--key", action="append", default=[], help="accept this key besides any that begins with fw_")
    parser.add_argument("--quiet", action="store_true", help="no line on stderr for each call")
    parser.add_argument("--parent", type=int, metavar="PID", help="stop when this process ends")
    return parser


def _rate(text: str) -> float:
    rate = float(text)
    if not 0 <= rate < float("inf"):
        raise argparse.ArgumentTypeError("must be 0 or more")
    return rate


def _announce(host: str) -> Callable[[int], None]:
    shown = f"[{host}]" if ":" in host else host

    def announce(port: int) -> None:
        sys.stdout.write(f"listening on http://{shown}:{port}\n")
        sys.stdout.flush()

    return announce


def _to_stderr(line: str) -> None:
    sys.stderr.write(line + "\n")


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # The server's own threads may still look for the interpreter while it is taken down, and then abort noisily.
    os._exit(status)
