"""What ``emberway up`` says once it answers: where it is, a call that works as pasted, where its data lies."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emberway import __version__
from emberway.secret import Secret

MODEL = "accounts/fireworks/models/llama-v3p1-405b-instruct"


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to say."""

    url: str
    """Without a path."""
    new_key: Secret | None
    """Made just now: shown here and never again."""
    key_from_environment: bool
    emulated: bool
    """Whether the emulator answers for the first-class provider."""
    provider_key_at_hand: bool
    """Whether the person has a key for the real provider in the environment."""
    folder: Path | None
    """``None`` when nothing is kept."""
    new_master_key: Path | None


def banner(started: Started) -> str:
    """All of it, for a terminal or a log."""
    provider = "fireworks-ai" if started.emulated else "@emulator"
    parts = [f"Emberway {__version__} listens on {started.url}", curl(started, f"x-portkey-provider: {provider}")]
    if started.provider_key_at_hand and not started.emulated:
        real = ("x-portkey-provider: fireworks-ai", "Authorization: Bearer $FIREWORKS_API_KEY")
        parts += ["The same from the real provider, with your FIREWORKS_API_KEY:", curl(started, *real)]
    return "\n\n".join([*parts, "\n".join(_facts(started)), "Ctrl-C to stop"])


def curl(started: Started, *headers: str) -> str:
    """A chat completion as a command for a POSIX shell."""
    key = started.new_key.reveal() if started.new_key else "$EMBERWAY_API_KEY"
    lines = [
        f"  curl {started.url}/v1/chat/completions",
        *(f'    -H "{header}"' for header in (f"x-portkey-api-key: {key}", *headers, "content-type: application/json")),
        f"    -d '{{\n"
        f'      "model": "{MODEL}",\n'
        f'      "messages": [{{"role": "user", "content": "Say this is a test"}}]\n'
        f"    }}'",
    ]
    return " \\\n".join(lines)


def _facts(started: Started) -> list[str]:
    facts = []
    if started.new_key:
        facts.append("Key   shown here only; it is kept as a hash. --new-key makes one that takes its place.")
    elif not started.key_from_environment:
        facts.append(
            "Key   was shown at the first start: put it into EMBERWAY_API_KEY for the call above,"
            " or let --new-key make one that takes its place."
        )
    facts.append(f"Data  {started.folder}" if started.folder else "Data  nothing is kept (--ephemeral)")
    if started.new_master_key:
        facts.append(f"      {started.new_master_key.name} was made there just now: whoever has it can open the rest.")
    return facts
