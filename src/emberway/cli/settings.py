"""``emberway settings``: what is set, and by what."""

from __future__ import annotations

import json

import click

from emberway.cli.group import ExamplesFirst
from emberway.cli.sources import settings_from
from emberway.settings import FIELDS, PREFIX, Loaded, kind_of, shown

EXAMPLES = (
    "emberway settings",
    "emberway settings --origin     and where each value came from",
    "emberway settings --json",
)


@click.command(cls=ExamplesFirst, examples=EXAMPLES)
@click.option("--origin", is_flag=True, help="Show where each value came from.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--settings", "file", type=click.Path(), metavar="FILE", help="Read this file, not emberway.toml.")
@click.option("--reference", is_flag=True, help="Print the reference page (Markdown).")
def settings(*, origin: bool, as_json: bool, file: str | None, reference: bool) -> None:
    """Show the settings that `emberway up` would use here. Secrets are masked."""
    if reference:
        click.echo(reference_page(), nl=False)
        return
    loaded = settings_from({"settings": file})
    click.echo(_as_json(loaded) if as_json else _as_table(loaded, with_origin=origin))


def reference_page() -> str:
    """The page ``docs/reference/settings.md``."""
    rows = [
        f"| `{field.name}` | `{PREFIX}{field.name.upper()}` | {kind_of(field.name)} | {_default(field.default)}"
        f" | {field.metadata['about'].replace('|', '&#124;')} |"
        for field in FIELDS
    ]
    return "\n".join([_PREFACE, *rows]) + "\n"


_PREFACE = """\
# Settings

`emberway settings --reference` prints this page; a test keeps the two in step.

A setting comes from, in rising order: its default, `emberway.toml` in the current folder (or the file that `--settings`
names), an environment variable, a flag of `emberway up`. An empty variable counts as not set. A name that does not
exist is an error, in the file as in the environment. `emberway settings --origin` shows what applies and why.

```toml
# emberway.toml
port = 9000
trusted_origins = ["http://10.0.0.5:8080"]
```

| setting | variable | kind | default | what it does |
| --- | --- | --- | --- | --- |"""


def _as_table(loaded: Loaded, *, with_origin: bool) -> str:
    rows = [(field.name, shown(getattr(loaded.settings, field.name)), loaded.origin[field.name]) for field in FIELDS]
    wide, wider = max(len(name) for name, _, _ in rows), max(len(value) for _, value, _ in rows)
    if with_origin:
        return "\n".join(f"{name:{wide}}  {value:{wider}}  {place}" for name, value, place in rows)
    return "\n".join(f"{name:{wide}}  {value}".rstrip() for name, value, _ in rows)


def _as_json(loaded: Loaded) -> str:
    table = {field.name: {"value": _plain(field.name, loaded), "origin": loaded.origin[field.name]} for field in FIELDS}
    return json.dumps(table, indent=2)


def _plain(name: str, loaded: Loaded) -> object:
    value = getattr(loaded.settings, name)
    return value if isinstance(value, bool | int | float | tuple | None) else shown(value)


def _default(value: object) -> str:
    return f"`{shown(value)}`" if shown(value) else ""
