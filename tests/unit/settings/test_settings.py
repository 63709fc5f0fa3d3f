from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from emberway.cli.settings import reference_page
from emberway.settings import FIELDS, Loaded, Settings, SettingsInvalid, load, shown, take_environment

HOME = {"HOME": "/home/ada"}
REFERENCE = Path(__file__).parents[3] / "docs/reference/settings.md"


def load_in(cwd: Path, flags: Mapping[str, object] | None = None, **environ: str) -> Loaded:
    return load(flags or {}, HOME | environ, cwd)


def complaint(cwd: Path, flags: Mapping[str, object] | None = None, **environ: str) -> str:
    with pytest.raises(SettingsInvalid) as raised:
        load_in(cwd, flags, **environ)
    return str(raised.value)


def test_nothing_has_to_be_set(tmp_path: Path) -> None:
    loaded = load_in(tmp_path)

    assert loaded.settings == Settings(data_dir=Path("/home/ada/.local/share/emberway"))
    assert set(loaded.origin.values()) == {"default"}


def test_a_flag_beats_the_environment_which_beats_the_file_which_beats_the_default(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text("port = 1\nworkers = 2\nmax_connections = 3\n")

    loaded = load_in(tmp_path, {"port": 5, "workers": None}, EMBERWAY_PORT="4", EMBERWAY_WORKERS="6")

    settings = loaded.settings
    assert (settings.port, settings.workers, settings.max_connections, settings.host) == (5, 6, 3, "127.0.0.1")
    assert [loaded.origin[name] for name in ("port", "workers", "max_connections", "host")] == [
        "--port",
        "EMBERWAY_WORKERS",
        "emberway.toml",
        "default",
    ]


def test_every_setting_can_be_given_as_a_variable(tmp_path: Path) -> None:
    written = {
        field.name: shown(field.default) or "https://x.example:1" for field in FIELDS if "key" not in field.name
    } | {"api_key": "sesame-sesame-sesame", "master_key": "also a text", "master_key_command": "print-key"}
    written["database_url"] = "postgresql://db.example/emberway"

    loaded = load_in(tmp_path, **{"EMBERWAY_" + name.upper(): value for name, value in written.items()})

    assert set(loaded.origin.values()) == {"EMBERWAY_" + field.name.upper() for field in FIELDS}


def test_a_file_named_by_a_flag_is_read_instead_of_the_one_in_the_folder(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text("port = 1\n")
    (tmp_path / "other.toml").write_text("workers = 2\n")

    settings = load_in(tmp_path, {"settings": "other.toml"}).settings

    assert (settings.port, settings.workers) == (8787, 2)


def test_a_file_that_was_named_must_exist(tmp_path: Path) -> None:
    assert "nowhere.toml cannot be read: No such file" in complaint(tmp_path, {"settings": "nowhere.toml"})


def test_a_broken_file_is_reported_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text("port = 1\nhost = \n")

    assert "is not TOML" in (said := complaint(tmp_path))
    assert "line 2" in said


def test_an_empty_variable_counts_as_not_set(tmp_path: Path) -> None:
    assert load_in(tmp_path, EMBERWAY_API_KEY="", EMBERWAY_PORT="").settings.api_key is None


def test_an_unknown_variable_is_an_error_that_suggests_the_right_one(tmp_path: Path) -> None:
    assert complaint(tmp_path, EMBERWAY_PROT="1") == "EMBERWAY_PROT is not a setting. Did you mean EMBERWAY_PORT?"


def test_an_unknown_key_of_the_file_is_an_error_that_suggests_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text('data_folder = "x"\n')

    assert complaint(tmp_path) == (
        "`data_folder` in emberway.toml is not a setting. Did you mean `data_dir` in emberway.toml?"
    )


def test_a_name_like_no_other_is_pointed_to_the_list(tmp_path: Path) -> None:
    assert complaint(tmp_path, EMBERWAY_XYZZY="1").endswith("`emberway settings` lists those there are.")


def test_an_engine_of_a_later_release_is_refused_with_the_reason(tmp_path: Path) -> None:
    assert complaint(tmp_path, EMBERWAY_REDIS_URL="redis://x").startswith(
        "EMBERWAY_REDIS_URL is not a setting of this release: this release"
    )


@pytest.mark.parametrize(
    ("name", "value", "wish"),
    [
        ("PORT", "http", "a whole number, not 'http'"),
        ("PORT", "65536", "between 0 and 65535, not '65536'"),
        ("PORT", "-1", "between 0 and 65535, not '-1'"),
        ("WORKERS", "0", "between 1 and 256, not '0'"),
        ("CONNECT_TIMEOUT", "nan", "a number of seconds, not 'nan'"),
        ("CONNECT_TIMEOUT", "0", "0.1 or more, not '0'"),
        ("ACCESS_LOG", "maybe", "true or false, not 'maybe'"),
        ("LOG_FORMAT", "xml", "one of auto, pretty, json, not 'xml'"),
        ("CUSTOM_HOSTS", "all", "one of public, off, not 'all'"),
        ("HOST", "example.com", "an address such as 127.0.0.1 or ::1, or localhost, not 'example.com'"),
        ("FIREWORKS_BASE_URL", "ftp://x", "an address such as https://api.example.com/v1"),
        ("FIREWORKS_BASE_URL", "https://u:p@x/v1", "an address such as https://api.example.com/v1"),
        ("FIREWORKS_BASE_URL", "https://x/v1?a=b", "an address such as https://api.example.com/v1"),
        (
            "MASTER_KEY_COMMAND",
            "keeper 'get",
            "a program with its arguments, quoted as for a shell, or a list of texts",
        ),
        ("MASTER_KEY_COMMAND", " ", "a program with its arguments, quoted as for a shell, or a list of texts"),
        ("TRUSTED_ORIGINS", "10.0.0.5:80", "a list of origins such as http://10.0.0.5:8080"),
        ("TRUSTED_ORIGINS", "http://a/path", "a list of origins such as http://10.0.0.5:8080"),
        ("TRUSTED_ORIGINS", "http://a:70000", "a list of origins such as http://10.0.0.5:8080"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place_and_what_is_wanted(
    tmp_path: Path, name: str, value: str, wish: str
) -> None:
    assert complaint(tmp_path, **{f"EMBERWAY_{name}": value}).startswith(f"EMBERWAY_{name} must be {wish}")


@pytest.mark.parametrize("line", ['port = "eight"', "port = true", "host = 1", "access_log = 1", "ca_file = ''"])
def test_a_value_of_the_wrong_type_in_the_file_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "emberway.toml").write_text(line)

    assert f"`{line.split()[0]}` in emberway.toml must be " in complaint(tmp_path)


def test_a_wrong_secret_is_not_repeated_in_the_complaint(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text("api_key = 123456789\n")

    assert complaint(tmp_path) == "`api_key` in emberway.toml must be a text."


def test_origins_are_kept_in_one_form(tmp_path: Path) -> None:
    written = "HTTP://Box.lan:8080/, https://inner, http://[fd00::1]:9"

    assert load_in(tmp_path, EMBERWAY_TRUSTED_ORIGINS=written).settings.trusted_origins == (
        "http://box.lan:8080",
        "https://inner:443",
        "http://[fd00::1]:9",
    )


def test_a_list_may_be_a_list_in_the_file(tmp_path: Path) -> None:
    (tmp_path / "emberway.toml").write_text('trusted_origins = ["http://a:1", "http://b:2"]\n')

    assert load_in(tmp_path).settings.trusted_origins == ("http://a:1", "http://b:2")


def test_a_command_is_split_as_a_shell_would_and_may_be_a_list_in_the_file(tmp_path: Path) -> None:
    words = ("keeper", "get", "the master key", "--raw")
    (tmp_path / "emberway.toml").write_text('master_key_command = ["keeper", "get", "the master key", "--raw"]\n')

    from_file = load_in(tmp_path).settings.master_key_command
    from_variable = load_in(tmp_path, EMBERWAY_MASTER_KEY_COMMAND=shown(from_file)).settings.master_key_command

    assert from_file == from_variable == words
    assert shown(from_variable) == "keeper get 'the master key' --raw"


@pytest.mark.parametrize("line", ["master_key_command = []", "master_key_command = [1]", "master_key_command = 1"])
def test_a_command_that_names_no_program_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "emberway.toml").write_text(line)

    assert "`master_key_command` in emberway.toml must be a program" in complaint(tmp_path)


@pytest.mark.parametrize(("written", "kept"), [("localhost", "127.0.0.1"), ("::1", "::1"), ("0.0.0.0", "0.0.0.0")])
def test_the_address_is_kept_as_a_number(tmp_path: Path, written: str, kept: str) -> None:
    assert load_in(tmp_path, EMBERWAY_HOST=written).settings.host == kept


def test_the_base_url_loses_its_last_slash(tmp_path: Path) -> None:
    assert load_in(tmp_path, EMBERWAY_FIREWORKS_BASE_URL="http://127.0.0.1:9/v1/").settings.fireworks_base_url == (
        "http://127.0.0.1:9/v1"
    )


def test_data_goes_where_the_desktop_standard_says(tmp_path: Path) -> None:
    assert load_in(tmp_path, XDG_DATA_HOME="/data").settings.data_dir == Path("/data/emberway")


def test_a_tilde_means_the_home_of_the_environment(tmp_path: Path) -> None:
    assert load_in(tmp_path, EMBERWAY_DATA_DIR="~/x").settings.data_dir == Path("/home/ada/x")


def test_without_a_home_the_data_folder_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match="set EMBERWAY_DATA_DIR or --data-dir"):
        load({}, {}, tmp_path)


def test_a_named_data_folder_needs_no_home(tmp_path: Path) -> None:
    assert load({"data_dir": "/srv/x"}, {}, tmp_path).settings.data_dir == Path("/srv/x")


def test_a_gateway_that_keeps_nothing_needs_no_home(tmp_path: Path) -> None:
    assert load({"ephemeral": True}, {}, tmp_path).settings.ephemeral


def test_a_secret_is_never_shown(tmp_path: Path) -> None:
    loaded = load_in(tmp_path, EMBERWAY_API_KEY="sesame-sesame-sesame", EMBERWAY_MASTER_KEY="hush-hush")

    assert "sesame" not in repr(loaded)
    assert "hush" not in repr(loaded)
    assert shown(loaded.settings.api_key) == "***"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("postgresql://ada:sesame@db.example:5433/emberway", "postgresql://ada:***@db.example:5433/emberway"),
        ("postgres://ada@db/emberway?sslmode=require", "postgres://ada@db/emberway?sslmode=require"),
        ("postgresql://db/x?password=sesame&sslmode=require", "postgresql://db/x?password=***&sslmode=require"),
        ("postgresql:///emberway?host=/run/postgresql", "postgresql:///emberway?host=/run/postgresql"),
        ("postgresql://:sesame@db/x", "postgresql://:***@db/x"),
        ("postgresql://ada:p%40sesame@[::1]:5/x", "postgresql://ada:***@[::1]:5/x"),
        ("sqlite:////srv/emberway/control.db", "sqlite:////srv/emberway/control.db"),
    ],
)
def test_the_address_of_a_database_is_shown_without_its_password(tmp_path: Path, url: str, told: str) -> None:
    setting = load_in(tmp_path, EMBERWAY_DATABASE_URL=url).settings.database_url

    assert setting is not None
    assert (shown(setting), repr(setting), setting.reveal()) == (told, told, url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:sesame@db/x",
        "postgresql://ada:sesame@db",
        "postgresql://ada:in/sesame@db",
        "postgresql://ada:in/sesame@db/x",
        "sqlite://",
        "sqlite:///x?mode=memory&key=sesame",
    ],
)
def test_what_is_no_address_of_a_database_is_refused_without_repeating_it(tmp_path: Path, url: str) -> None:
    said = complaint(tmp_path, EMBERWAY_DATABASE_URL=url)

    assert said.startswith("EMBERWAY_DATABASE_URL must be an address such as postgresql://user:password@host/name")
    assert "sesame" not in said


def test_a_key_for_the_provider_is_noticed_by_name_alone(tmp_path: Path) -> None:
    loaded = load_in(tmp_path, FIREWORKS_API_KEY="fw_hush")

    assert loaded.provider_keys == {"FIREWORKS_API_KEY"}
    assert "fw_hush" not in repr(loaded)


def test_settings_cannot_change_once_built() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Settings().port = 1  # type: ignore[misc]


def test_secrets_leave_the_environment_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMBERWAY_API_KEY", "sesame")
    monkeypatch.setenv("EMBERWAY_MASTER_KEY", "hush")
    monkeypatch.setenv("EMBERWAY_PORT", "1")

    taken = take_environment()

    assert (taken["EMBERWAY_API_KEY"], taken["EMBERWAY_MASTER_KEY"]) == ("sesame", "hush")
    assert [name for name in os.environ if name.startswith("EMBERWAY_")] == ["EMBERWAY_PORT"]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_setting_is_explained_in_a_sentence(field: dataclasses.Field[object]) -> None:
    assert field.metadata["about"].endswith(".")


def test_the_reference_page_says_what_the_settings_say() -> None:
    assert REFERENCE.read_text("utf-8") == reference_page(), (
        "run: emberway settings --reference > docs/reference/settings.md"
    )
