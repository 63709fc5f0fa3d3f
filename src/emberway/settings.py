"""How one process is set up: every setting, where its value may come from, and which source wins."""

# ruff: noqa: RUF009 - _setting() returns a dataclass field, like dataclasses.field() itself

from __future__ import annotations

import ipaddress
import os
import re
import shlex
import types
from collections.abc import Callable, Mapping
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints
from urllib.parse import parse_qsl, urlencode, urlsplit

from emberway.secret import Secret

PREFIX = "EMBERWAY_"
FILE_NAME = "emberway.toml"

SECRET_VARIABLES = (f"{PREFIX}API_KEY", f"{PREFIX}MASTER_KEY", f"{PREFIX}DATABASE_URL")
"""Taken out of the environment once they are read, so that no child process inherits them."""

PROVIDER_KEYS = frozenset({"FIREWORKS_API_KEY"})

_NOT_YET = {
    "redis_url": "this release runs on one machine and shares nothing through Redis",
}

T = TypeVar("T")


class Command(tuple[str, ...]):
    """A program and its arguments: a list in a file, elsewhere in the way of a shell, though none ever runs them."""

    __slots__ = ()


class SecretUrl(Secret):
    """The address of a database: shown without its password and without options that may hold one."""

    __slots__ = ()

    def __repr__(self) -> str:
        parts = urlsplit(self.reveal())
        login, at, host = parts.netloc.rpartition("@")
        user, colon, _ = login.partition(":")
        shown = f"{parts.scheme}://{user}{':***' if colon else ''}{at}{host}{parts.path}"
        options = [(name, value if name in _SHOWN_OPTIONS else "***") for name, value in parse_qsl(parts.query)]
        return f"{shown}?{urlencode(options, safe='*/')}" if options else shown

    __str__ = __repr__


_SHOWN_OPTIONS = frozenset({"host", "port", "sslmode", "sslrootcert", "target_session_attrs", "application_name"})
"""Of libpq, those that hold no secret."""


class SettingsInvalid(Exception):
    """A setting cannot be used; the message says which, where it came from and what to write instead."""


def _setting(default: T, about: str, *, least: float | None = None, most: float | None = None) -> T:
    """A field of Settings: ``about`` is its line in the reference page, ``least`` and ``most`` bound a number."""
    return field(default=default, metadata={"about": about, "least": least, "most": most})


@dataclass(frozen=True, slots=True)
class Settings:
    """What only a restart may change. Parts receive the values that they need, not this object."""

    host: str = _setting("127.0.0.1", "Address to listen on. Any but a loopback address needs both keys set by you.")
    port: int = _setting(8787, "Port to listen on; 0 lets the system choose.", least=0, most=65535)
    data_dir: Path = _setting(
        Path("~/.local/share/emberway"),
        "Folder for keys and data, made with mode 0700; `$XDG_DATA_HOME/emberway` where that variable is set. It lies"
        " in your home and not in the current folder, so that no key ends up in a checkout and the same command"
        " finds the same data wherever it is given.",
    )
    ephemeral: bool = _setting(False, "Keep everything in memory: nothing is read from or left in the data folder.")
    workers: int = _setting(1, "Processes that serve calls.", least=1, most=256)
    api_key: Secret | None = _setting(
        None, "Value of the first admin key, 16 printable characters or more. Without it one is made and shown once."
    )
    master_key: Secret | None = _setting(
        None,
        "Base64 of 32 random bytes that protect everything secret at rest (`openssl rand -base64 32`)."
        " Without it one is made and kept in `master.key` in the data folder.",
    )
    master_key_command: Command = _setting(
        Command(),
        "Program, with its arguments, that prints the master key: for a key that another keeper of secrets holds."
        " Instead of `master_key`. No shell runs it, and it has 10 seconds.",
    )
    database_url: SecretUrl | None = _setting(
        None,
        "Database for what operators set up: `postgresql://user:password@host/name`, or `sqlite:///` and a path."
        " Without it, the file `control.db` in the data folder. Its password is never shown.",
    )
    fireworks_base_url: str = _setting(
        "https://api.fireworks.ai/inference/v1", "Where provider `fireworks-ai` is reached; may be a loopback address."
    )
    trusted_origins: tuple[str, ...] = _setting(
        (), "Comma list of `scheme://host:port` that `x-portkey-custom-host` may name although they are private."
    )
    custom_hosts: Literal["public", "off"] = _setting(
        "public", "Which hosts callers may name themselves: any `public` one over https, or none (`off`)."
    )
    emulator: bool = _setting(False, "Let the built-in emulator answer for provider `fireworks-ai`.")
    max_body_bytes: int = _setting(20 * 1024**2, "Largest JSON body of a call, in bytes.", least=1024)
    max_upload_bytes: int = _setting(200 * 1024**2, "Largest upload (multipart or binary), in bytes.", least=1024)
    repeat_without_extra_inputs: bool = _setting(
        True, "Repeat a call once without the field that the provider called an extra input."
    )
    check_structured_output: bool = _setting(
        True, "Refuse a wrong grammar or JSON Schema before the provider is called."
    )
    request_timeout: float = _setting(600.0, "Seconds until the head of a provider's answer must be there.", least=0.1)
    connect_timeout: float = _setting(5.0, "Seconds for name resolution, TCP and TLS together.", least=0.1)
    idle_timeout: float = _setting(60.0, "Seconds that a provider's answer may pause.", least=0.1)
    total_timeout: float = _setting(3600.0, "Seconds for a whole call, its last byte included.", least=0.1)
    max_connections: int = _setting(1024, "Connections to each provider address, for each worker.", least=1)
    ca_file: Path | None = _setting(None, "File of certificates (PEM) to trust instead of the system's.")
    log_format: Literal["auto", "pretty", "json"] = _setting(
        "auto", "Form of the log on stderr; `auto` is `pretty` on a terminal and `json` elsewhere."
    )
    access_log: bool = _setting(True, "Write one line for each call to the log.")
    drain_delay: float = _setting(
        0.0,
        "Seconds after a signal to stop in which new calls are still taken while `/readyz` answers 503: 5 behind a load"
        " balancer, so that it has seen the 503 before a connection could be refused; 0 where nobody asks `/readyz`.",
        least=0.0,
        most=3600.0,
    )
    drain_timeout: float = _setting(
        30.0,
        "Seconds that calls under way may then go on. A second signal ends both waits, and the gateway within 5 s.",
        least=0.0,
        most=86400.0,
    )
    insecure: bool = _setting(False, "Listen on any address, even without keys set by you.")


FIELDS: tuple[Field[Any], ...] = fields(Settings)
_KINDS: dict[str, Any] = get_type_hints(Settings)


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings and, for each, the place that its value came from."""

    settings: Settings
    origin: Mapping[str, str]
    """``default``, a file's name, a variable's name or a flag."""
    provider_keys: frozenset[str] = frozenset()
    """Names of variables with a provider's key: offered to the person, never used unasked."""


def load(flags: Mapping[str, object], environ: Mapping[str, str], cwd: Path) -> Loaded:
    """Defaults, under ``emberway.toml``, under ``EMBERWAY_*``, under flags; SettingsInvalid for anything wrong.

    ``flags`` maps names of settings to parsed values, ``None`` for a flag not given; ``settings`` names another file
    than the one in ``cwd``. An empty variable counts as not set.
    """
    values: dict[str, Any] = {}
    origin: dict[str, str] = {setting.name: "default" for setting in FIELDS}
    for name, value, place in (*_from_file(flags, cwd), *_from_environment(environ), *_from_flags(flags)):
        if name not in _KINDS:
            raise SettingsInvalid(_unknown(name, place))
        values[name] = _read(name, value, place, environ)
        origin[name] = place
    if "data_dir" not in values and not values.get("ephemeral"):
        values["data_dir"] = _default_data_dir(environ)
    return Loaded(Settings(**values), origin, PROVIDER_KEYS & environ.keys())


def take_environment() -> dict[str, str]:
    """This process's environment, from which our secrets are removed as they are read."""
    environ = dict(os.environ)
    for name in SECRET_VARIABLES:
        os.environ.pop(name, None)
    return environ


def is_secret(name: str) -> bool:
    """Whether the setting's value must not be shown."""
    return _KINDS[name] in (Secret | None, SecretUrl | None)


def kind_of(name: str) -> str:
    """What the setting takes, in a word or two."""
    kind = _KINDS[name]
    if get_origin(kind) is Literal:
        return " or ".join(f"`{word}`" for word in get_args(kind))
    if get_origin(kind) is types.UnionType:
        kind = get_args(kind)[0]
    return _WORDS[kind]


def shown(value: object) -> str:
    """A setting's value as it is written in a variable; a secret as three asterisks."""
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case Command():
            return shlex.join(value)
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)


_WORDS = {
    str: "text",
    int: "whole number",
    float: "seconds",
    bool: "`true` or `false`",
    Path: "path",
    Secret: "secret",
    SecretUrl: "address",
    tuple[str, ...]: "list",
    Command: "command",
}

_Found = tuple[str, object, str]
"""Name of a setting, its raw value, the place where it was found."""


def _from_file(flags: Mapping[str, object], cwd: Path) -> list[_Found]:
    named = flags.get("settings")
    path = cwd / (FILE_NAME if named is None else str(named))
    if named is None and not path.exists():
        return []
    # Not needed by most starts, and the smaller the supervisor the better.
    import tomllib

    try:
        table = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SettingsInvalid(f"{path} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsInvalid(f"{path} is not TOML: {error}.") from None
    place = path.name if named is None else str(named)
    return [(name, value, place) for name, value in table.items()]


def _from_environment(environ: Mapping[str, str]) -> list[_Found]:
    return [
        (variable.removeprefix(PREFIX).lower(), value, variable)
        for variable, value in environ.items()
        if variable.startswith(PREFIX) and value
    ]


def _from_flags(flags: Mapping[str, object]) -> list[_Found]:
    return [
        (name, value, "--" + name.replace("_", "-"))
        for name, value in flags.items()
        if value is not None and name != "settings"
    ]


def _default_data_dir(environ: Mapping[str, str]) -> Path:
    if shared := environ.get("XDG_DATA_HOME"):
        return Path(shared) / "emberway"
    return _folder_of(Path("~/.local/share/emberway"), environ)


def _unknown(name: str, place: str) -> str:
    # Rarely needed; keeps the supervisor small.
    import difflib

    if name in _NOT_YET:
        return f"{_called(name, place)} is not a setting of this release: {_NOT_YET[name]}. Remove it."
    close = difflib.get_close_matches(name, _KINDS, n=1)
    hint = f" Did you mean {_called(close[0], place)}?" if close else " `emberway settings` lists those there are."
    return f"{_called(name, place)} is not a setting.{hint}"


def _called(name: str, place: str) -> str:
    """The setting as a reader finds it at ``place``."""
    if place.startswith(PREFIX):
        return PREFIX + name.upper()
    if place.startswith("--"):
        return "--" + name.replace("_", "-")
    return f"`{name}` in {place}"


def _read(name: str, value: object, place: str, environ: Mapping[str, str]) -> Any:
    try:
        return _checked(name, _typed(_KINDS[name], value, environ))
    except ValueError as error:
        seen = "" if is_secret(name) else f", not {value!r}"
        raise SettingsInvalid(f"{_called(name, place)} must be {error}{seen}.") from None


def _typed(kind: Any, value: object, environ: Mapping[str, str]) -> object:
    """``value`` as ``kind``; ValueError with the words that follow "must be"."""
    if get_origin(kind) is Literal:
        return _choice(get_args(kind), value)
    if get_origin(kind) is types.UnionType:
        kind = get_args(kind)[0]
    if kind is Path:
        return _folder_of(Path(_text(value)), environ)
    return _READERS[kind](value)


def _checked(name: str, value: Any) -> Any:
    bounds = next(setting.metadata for setting in FIELDS if setting.name == name)
    least, most = bounds["least"], bounds["most"]
    if (least is not None and value < least) or (most is not None and value > most):
        raise ValueError(f"between {least:g} and {most:g}" if most is not None else f"{least:g} or more")
    if name == "host":
        return _address(value)
    if name == "fireworks_base_url":
        return _base_url(value)
    if name == "trusted_origins":
        return tuple(map(_origin, value))
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("a text")
    return value


def _integer(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    raise ValueError("a whole number")


def _number(value: object) -> float:
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value):
        return float(value)
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e18:  # not inf, not nan
        return float(value)
    raise ValueError("a number of seconds")


def _truth(value: object) -> bool:
    words = {"true": True, "1": True, "yes": True, "on": True, "false": False, "0": False, "no": False, "off": False}
    if isinstance(value, str) and value.lower() in words:
        return words[value.lower()]
    if isinstance(value, bool):
        return value
    raise ValueError("true or false")


def _list(value: object) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list | tuple) or not all(isinstance(item, str) for item in items):
        raise ValueError("a list of texts, or one text with commas")
    return tuple(item.strip() for item in items if item.strip())


def _command(value: object) -> Command:
    try:
        words = shlex.split(value) if isinstance(value, str) else value
    except ValueError:  # a quote that is not closed
        words = None
    if not isinstance(words, list | tuple) or not words or not all(isinstance(word, str) for word in words):
        raise ValueError("a program with its arguments, quoted as for a shell, or a list of texts")
    return Command(words)


def _choice(allowed: tuple[str, ...], value: object) -> str:
    if not isinstance(value, str) or value not in allowed:
        raise ValueError("one of " + ", ".join(allowed))
    return value


_READERS: dict[Any, Callable[[object], object]] = {
    str: _text,
    int: _integer,
    float: _number,
    bool: _truth,
    Secret: lambda value: Secret(_text(value)),
    SecretUrl: lambda value: _database_url(_text(value)),
    tuple[str, ...]: _list,
    Command: _command,
}


def _folder_of(path: Path, environ: Mapping[str, str]) -> Path:
    """``path`` with a leading ``~`` replaced."""
    if path.parts[:1] != ("~",):
        return path
    if not (home := environ.get("HOME") or environ.get("USERPROFILE")):
        raise SettingsInvalid(f"There is no home folder ($HOME) to put data in: set {PREFIX}DATA_DIR or --data-dir.")
    return Path(home, *path.parts[1:])


_HOST = r"(?:[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,252})|\[[0-9A-Fa-f:.]{2,45}\])"
_BASE_URL = re.compile(rf"https?://{_HOST}(?::[0-9]{{1,5}})?(?:/[^\s?#]*)?", re.IGNORECASE)
_DATABASE_URL = re.compile(r"(?:postgres(?:ql)?://[^/?#\s]*/[^/?#@:\s]+(?:\?[^#\s]*)?|sqlite:///[^?#]+)")
_ORIGIN = re.compile(rf"(https?)://({_HOST})(?::([0-9]{{1,5}}))?/?", re.IGNORECASE)


def _address(value: str) -> str:
    if value.lower() == "localhost":
        return "127.0.0.1"
    try:
        return str(ipaddress.ip_address(value))
    except ValueError:
        raise ValueError("an address such as 127.0.0.1 or ::1, or localhost") from None


def _base_url(value: str) -> str:
    if not _BASE_URL.fullmatch(value):
        raise ValueError("an address such as https://api.example.com/v1, without user, query and fragment")
    return value.rstrip("/")


def _database_url(value: str) -> SecretUrl:
    """Not taken apart further: what the driver makes of it shows when it is used."""
    if not _DATABASE_URL.fullmatch(value):
        raise ValueError("an address such as postgresql://user:password@host/name, or sqlite:////path/to/file")
    return SecretUrl(value)


def _origin(value: str) -> str:
    """``scheme://host:port`` in lower case, the port always written out."""
    match = _ORIGIN.fullmatch(value)
    if not match or not 0 < int(match[3] or 1) < 65536:
        raise ValueError("a list of origins such as http://10.0.0.5:8080")
    scheme, host, port = match[1].lower(), match[2].lower(), match[3]
    return f"{scheme}://{host}:{port or (443 if scheme == 'https' else 80)}"
