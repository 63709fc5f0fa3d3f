from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.examples import examples
from tests.unit.vault.house import Disk, Process, Writer, contents, finish, place_of, rotate, run, text_of
from tests.unit.vault.parts import ring

from emberway.vault.envelope import Envelope
from emberway.vault.key_file import begin_rotation, end_rotation
from emberway.vault.keyring import KeyRing
from emberway.vault.master_key import MasterKeyProblem
from emberway.vault.proof import check, may_seal
from emberway.vault.rotation import ReadSecrets, may_drop_older, move_proof, rotation


def vault(secrets: int) -> Disk:
    disk = Disk()
    writer = Writer(disk)
    for number in range(secrets):
        writer.store(number)
    return disk


def everything(secrets: int) -> dict[str, str]:
    return {place_of(number).record: text_of(number) for number in range(secrets)}


def steps(process: Process, number: int) -> bool:
    """Let it go that far; whether it got there."""
    return all(next(process, "over") is None for _ in range(number))


def test_after_a_rotation_everything_opens_with_the_new_key_and_nothing_wants_the_old_one() -> None:
    disk = vault(10)
    old = disk.ring()

    result = run(rotate(disk))

    new = disk.ring()
    assert (result.moved, result.stuck) == (10, ())
    assert new.older == ()
    assert set(new.ids).isdisjoint(old.ids)
    assert contents(disk, new) == everything(10)
    assert disk.wanted() == set(new.ids)
    check(new, disk.proof)


def test_an_empty_vault_rotates_too() -> None:
    disk = vault(0)
    old = disk.ring()

    assert run(rotate(disk)).moved == 0
    assert disk.ring().ids != old.ids
    check(disk.ring(), disk.proof)


def test_a_rotation_killed_anywhere_loses_nothing_and_is_ended_by_starting_it_again() -> None:
    for moment in count():
        disk = vault(7)
        first = disk.ring().current.id
        process = rotate(disk)
        got_there = steps(process, moment)
        process.close()

        assert contents(disk, disk.ring()) == everything(7), f"killed at {moment}"
        check(disk.ring(), disk.proof)
        run(rotate(disk))

        assert contents(disk, disk.ring()) == everything(7), f"killed at {moment}"
        assert disk.ring().older == ()
        assert first not in disk.wanted()
        if not got_there:
            break
    assert moment > 15


def test_a_rotation_taken_up_again_makes_no_third_key_and_moves_only_what_is_left() -> None:
    disk = vault(7)
    process = rotate(disk)
    assert steps(process, 12)  # the proof has moved, and the first three secrets
    process.close()
    begun = disk.ring()

    assert run(rotate(disk)).moved == 4
    assert disk.ring().ids == begun.without_older().ids


@settings(max_examples=examples(150))
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("step"), st.integers(0, 1), st.integers(1, 12)),
            st.tuples(st.just("kill"), st.integers(0, 1), st.just(0)),
            st.tuples(st.just("store"), st.integers(0, 1), st.integers(0, 9)),
        ),
        max_size=60,
    )
)
def test_two_rotations_at_once_kills_and_writers_with_old_keys_in_memory_lose_no_secret(
    events: list[tuple[str, int, int]],
) -> None:
    disk = vault(4)
    processes = [rotate(disk), rotate(disk)]
    writers = [Writer(disk), Writer(disk)]

    for kind, who, number in events:
        if kind == "store":
            writers[who].store(number)
        elif kind == "kill" or not steps(processes[who], number):
            processes[who] = rotate(disk)
        stored = {place.record for place in disk.secrets}
        assert contents(disk, disk.ring()) == {name: text for name, text in everything(10).items() if name in stored}
        check(disk.ring(), disk.proof)

    run(rotate(disk))
    assert disk.wanted() == set(disk.ring().ids)


def test_a_writer_that_comes_after_the_last_look_cannot_seal_under_the_key_that_is_dropped() -> None:
    disk = vault(3)
    slow = Writer(disk)
    new = begin_rotation(disk, disk.draw)
    run(finish(disk, new))

    def look() -> set[str]:
        seen = disk.wanted()
        slow.store(3)
        return seen

    end_rotation(disk, look)

    assert contents(disk, disk.ring()) == everything(4)


def test_a_secret_that_changes_meanwhile_is_not_overwritten_by_what_it_was() -> None:
    disk = vault(2)
    new = begin_rotation(disk, disk.draw)
    flow = rotation(new, disk.draw)
    command = next(flow)
    while not (isinstance(command, ReadSecrets) and command.after is None):
        command = flow.send(disk.carry_out(command))
    replacement = flow.send(disk.carry_out(command))
    Writer(disk).store(0)
    stored = disk.secrets[place_of(0)]

    assert disk.carry_out(replacement) == 1
    assert disk.secrets[place_of(0)] == stored


def test_one_secret_that_does_not_open_keeps_the_old_key_and_stops_no_other() -> None:
    disk = vault(7)
    old, place = disk.ring(), place_of(4)
    good = disk.secrets[place]
    disk.secrets[place] = Envelope(good[:30] + bytes([good[30] ^ 1]) + good[31:])

    result = run(rotate(disk))

    assert result.moved == 6
    assert result.stuck == (f"{place}, sealed with master key {old.current.id}",)
    assert disk.ring().older[0].id == old.current.id

    disk.secrets[place] = good
    assert run(rotate(disk)).moved == 1
    assert disk.ring().older == ()
    assert contents(disk, disk.ring()) == everything(7)


def test_a_vault_of_another_key_is_refused_before_anything_is_written() -> None:
    disk = vault(2)
    before = (dict(disk.files), dict(disk.secrets), disk.proof)

    with pytest.raises(MasterKeyProblem, match="was sealed with master key"):
        run(finish(disk, ring(1, 2)))

    assert (disk.files, disk.secrets, disk.proof) == before


def test_keys_that_the_operator_hands_over_rotate_without_a_file() -> None:
    disk = vault(5)
    handed = KeyRing((*ring(9).keys, *disk.ring().keys))

    result = run(finish(disk, handed))

    assert result.moved == 5
    assert contents(disk, ring(9)) == everything(5)
    assert may_drop_older(handed, disk.wanted())


def test_a_start_may_move_the_proof_alone() -> None:
    disk = vault(2)
    secrets, new = dict(disk.secrets), begin_rotation(disk, disk.draw)
    flow = move_proof(new, disk.draw)

    replace = flow.send(disk.carry_out(flow.send(None)))
    again = flow.send(disk.carry_out(replace))
    with pytest.raises(StopIteration):
        flow.send(disk.carry_out(again))

    assert may_seal(new, disk.proof)
    assert disk.secrets == secrets


def test_a_step_takes_no_more_than_five_hundred_secrets() -> None:
    disk = vault(1)
    flow = rotation(disk.ring(), disk.draw)
    next(flow)

    assert flow.send(disk.proof) == ReadSecrets(disk.ring().current.id, after=None, limit=500)


def test_older_keys_may_go_when_neither_proof_nor_secret_wants_one() -> None:
    keys = ring(3, 2, 1)
    ids = list(keys.ids)

    assert may_drop_older(keys, {ids[0]})
    assert may_drop_older(keys, {ids[0], "an id that nobody knows"})
    assert not may_drop_older(keys, {ids[0], ids[1]})
    assert not may_drop_older(keys, {ids[2]})
