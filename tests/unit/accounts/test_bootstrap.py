from __future__ import annotations

import base64
import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from emberway.accounts.bootstrap import KeyProblem, Keys, derive, examine, in_folder, in_memory
from emberway.accounts.directory import KeyDirectory
from emberway.accounts.keys import looks_ours
from emberway.secret import Secret

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
MASTER = base64.b64encode(bytes(range(32))).decode()
CHOSEN = "sesame-open-yourself"


def start(path: Path, api_key: str | None = None, master_key: str | None = None, *, new_key: bool = False) -> Keys:
    def wrapped(text: str | None) -> Secret | None:
        return None if text is None else Secret(text)

    return in_folder(path, wrapped(api_key), wrapped(master_key), new_key=new_key, now=NOW)


def admits(keys: Keys, key: str) -> bool:
    return KeyDirectory(keys.pepper, keys.records).identify(key) is not None


def shown(keys: Keys) -> str:
    assert keys.new_key is not None
    return keys.new_key.reveal()


def content(path: Path) -> dict[str, str]:
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in path.iterdir()}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_the_first_start_makes_both_keys_and_says_so(data: Path) -> None:
    keys = start(data)

    assert looks_ours(shown(keys))
    assert admits(keys, shown(keys))
    assert keys.new_master_key == data / "master.key"
    assert len(base64.b64decode((data / "master.key").read_text())) == 32


def test_the_second_start_keeps_the_key_and_does_not_show_it_again(data: Path) -> None:
    key = shown(start(data))

    again = start(data)

    assert admits(again, key)
    assert (again.new_key, again.new_master_key) == (None, None)


def test_no_file_holds_the_key(data: Path) -> None:
    key = shown(start(data))

    for file in data.iterdir():
        assert key[16:59] not in file.read_text()


def test_the_file_at_rest_holds_a_digest_a_public_id_the_last_characters_and_the_time(data: Path) -> None:
    keys = start(data, CHOSEN)

    assert json.loads((data / "api-key.json").read_text())["key"] == {
        "id": keys.records[0].id,
        "digest": keys.records[0].digest.hex(),
        "last4": "self",
        "created_at": "2026-01-02T03:04:05+00:00",
    }


def test_a_key_of_the_operator_is_taken_as_it_is_and_not_shown(data: Path) -> None:
    keys = start(data, CHOSEN)

    assert admits(keys, CHOSEN)
    assert keys.new_key is None


def test_the_operators_key_outlives_the_variable(data: Path) -> None:
    start(data, CHOSEN)

    assert admits(start(data), CHOSEN)


def test_another_key_of_the_operator_replaces_the_old_one(data: Path) -> None:
    start(data, CHOSEN)

    changed = start(data, "another-key-altogether")

    for keys in (changed, start(data)):
        assert admits(keys, "another-key-altogether")
        assert not admits(keys, CHOSEN)


def test_the_same_key_of_the_operator_changes_nothing(data: Path) -> None:
    start(data, CHOSEN)
    before = content(data)

    start(data, CHOSEN)

    assert content(data) == before


def test_a_new_key_on_demand_takes_the_place_of_the_old_one(data: Path) -> None:
    old = shown(start(data))

    new = shown(start(data, new_key=True))

    assert admits(start(data), new)
    assert not admits(start(data), old)


def test_a_master_key_of_the_operator_is_not_written_down(data: Path) -> None:
    keys = start(data, master_key=MASTER)

    assert keys.new_master_key is None
    assert [file.name for file in data.iterdir()] == ["api-key.json"]
    assert MASTER not in (data / "api-key.json").read_text()


def test_the_file_of_the_master_key_may_become_a_variable(data: Path) -> None:
    key = shown(start(data))
    master = (data / "master.key").read_text().strip()
    (data / "master.key").unlink()

    assert admits(start(data, master_key=master), key)


@pytest.mark.parametrize("asked", [{}, {"new_key": True}, {"api_key": CHOSEN}])
def test_the_wrong_master_key_is_refused_and_nothing_changes(data: Path, asked: dict[str, str]) -> None:
    start(data)
    before = content(data)

    with pytest.raises(KeyProblem, match=r"is not the one that .* was set up with"):
        start(data, master_key=MASTER, **asked)  # type: ignore[arg-type]

    assert content(data) == before


def test_a_master_key_that_went_missing_is_not_replaced(data: Path) -> None:
    start(data)
    (data / "master.key").unlink()
    before = content(data)

    with pytest.raises(KeyProblem, match="master key that is no longer there"):
        start(data)

    assert content(data) == before


@pytest.mark.parametrize(
    ("master_key", "fault"),
    [
        ("", "these are 0 bytes"),
        ("x", "not base64"),
        ("not base64 at all!", "not base64"),
        (base64.b64encode(bytes(31)).decode(), "these are 31 bytes"),
        (base64.b64encode(bytes(33)).decode(), "these are 33 bytes"),
        (base64.b64encode(bytes(32)).decode(), "all zero"),
    ],
)
def test_an_unusable_master_key_is_refused_before_anything_is_made(data: Path, master_key: str, fault: str) -> None:
    with pytest.raises(KeyProblem, match=fault) as raised:
        start(data, master_key=master_key)

    assert "openssl rand -base64 32" in str(raised.value)
    assert not data.exists()


def test_a_short_key_of_the_operator_is_refused_before_anything_is_made(data: Path) -> None:
    with pytest.raises(KeyProblem, match="EMBERWAY_API_KEY has 5 characters"):
        start(data, "short")

    assert not data.exists()


def test_a_damaged_master_key_file_is_named(data: Path) -> None:
    start(data)
    (data / "master.key").write_bytes(b"\xff\xfe")

    with pytest.raises(KeyProblem, match=r"data/master\.key must be base64"):
        start(data)


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1, "key": {}}'])
def test_a_damaged_key_file_is_named_and_left_alone(data: Path, damage: bytes) -> None:
    start(data)
    (data / "api-key.json").write_bytes(damage)

    with pytest.raises(KeyProblem, match=r"api-key\.json is damaged or of a later release"):
        start(data)

    assert (data / "api-key.json").read_bytes() == damage


def test_a_gateway_in_memory_admits_its_own_key_or_the_operators() -> None:
    made, given = in_memory(None, None, NOW), in_memory(Secret(CHOSEN), Secret(MASTER), NOW)

    assert admits(made, shown(made))
    assert admits(given, CHOSEN)
    assert given.new_key is None


def test_a_gateway_in_memory_takes_no_unusable_key_either() -> None:
    with pytest.raises(KeyProblem):
        in_memory(Secret("short"), None, NOW)
    with pytest.raises(KeyProblem):
        in_memory(None, Secret("short"), NOW)


def test_no_secret_shows_in_the_representation() -> None:
    keys = in_memory(None, None, NOW)

    assert shown(keys) not in repr(keys)
    assert repr(keys.pepper) not in repr(keys)


def test_purposes_get_keys_as_the_standard_derives_them() -> None:
    # RFC 5869 appendix A.3: no salt, no info; the first block of its output.
    master = bytes.fromhex("0b" * 22)

    assert derive(master, b"").hex() == "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
    assert derive(master, b"api-key") != derive(master, b"sentinel")


def test_looking_says_what_a_start_would_find_and_makes_nothing(data: Path) -> None:
    assert examine(data, None, None) == f"{data} is made at the first start"
    assert not data.exists()

    data.mkdir(mode=0o700)
    assert "holds no API key yet" in examine(data, None, None)
    assert content(data) == {}

    start(data, CHOSEN)
    assert "holds an API key that ends in self, made 2026-01-02" in examine(data, None, None)


@pytest.mark.parametrize(("api_key", "master_key"), [("short", None), (None, "x"), (None, MASTER)])
def test_looking_complains_where_a_start_would(data: Path, api_key: str | None, master_key: str | None) -> None:
    start(data)

    with pytest.raises(KeyProblem):
        examine(data, *(Secret(text) if text else None for text in (api_key, master_key)))
