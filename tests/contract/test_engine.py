"""What every engine promises to the features that keep things in it."""

from __future__ import annotations

import asyncio
import contextlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import MultipleResultsFound
from tests.contract.databases import Databases
from tests.contract.rows import NOW, OURS, THEIRS, add, row, two_organisations

from emberway.errors import Conflict, StorageDown
from emberway.storage.engine import LANES, Engine, open_engine
from emberway.storage.engines import Address
from emberway.storage.guard import StatementRefused
from emberway.storage.tables import changes, configs, meta, organisations, virtual_keys, workspaces

pytestmark = pytest.mark.anyio

PATIENCE = 5.0
"""Seconds after which something counts as hung: what the engine itself ends, it ends in under two."""


async def names(engine: Engine) -> list[str]:
    return [row.name for row in await engine.fetch_all(select(meta.c.name).order_by(meta.c.name))]


def fact(name: str, value: str = "") -> Any:
    return insert(meta).values(name=name, value=value)


async def test_a_row_that_is_not_there_is_none(engine: Engine) -> None:
    assert await engine.fetch_one(select(meta).where(meta.c.name == "nobody")) is None


async def test_asking_for_one_row_where_there_are_two_is_a_mistake(engine: Engine) -> None:
    with pytest.raises(MultipleResultsFound):
        await engine.fetch_one(select(changes.c.kind))


async def test_what_was_written_is_read_back_as_it_was(engine: Engine) -> None:
    settings = {"nothing": None, "half": 0.5, "text": "Zoë \x00 🜂", "list": [1, True]}

    await engine.execute(row(organisations, id="org", name="Zoë’s", settings=settings))

    found = await engine.fetch_one(select(organisations))
    assert found is not None
    assert (found.name, found.settings, found.created_at) == ("Zoë’s", settings, NOW)


async def test_writing_says_how_many_rows_it_changed(engine: Engine) -> None:
    added = await engine.execute(insert(meta), [{"name": "a", "value": ""}, {"name": "b", "value": ""}])
    changed = await engine.execute(update(meta).where(meta.c.name.in_(("a", "b", "c"))).values(value="x"))

    assert (added, changed) == (2, 2)


async def test_a_transaction_that_ends_well_is_kept_whole(engine: Engine) -> None:
    async with engine.transaction() as transaction:
        await transaction.execute(fact("a"))
        await transaction.execute(fact("b"))

    assert {"a", "b"} <= {*await names(engine)}


async def test_a_transaction_that_fails_leaves_nothing_behind(engine: Engine) -> None:
    before = await names(engine)

    async def fail() -> None:
        async with engine.transaction() as transaction:
            await transaction.execute(fact("a"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()

    assert await names(engine) == before


async def test_a_transaction_that_is_cancelled_leaves_nothing_behind(engine: Engine) -> None:
    before, written = await names(engine), asyncio.Event()

    async def write() -> None:
        async with engine.transaction() as transaction:
            await transaction.execute(fact("a"))
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await written.wait()
    task.cancel()
    await asyncio.wait([task])

    await engine.execute(fact("b"))
    assert await names(engine) == sorted([*before, "b"])


async def test_a_call_that_is_cancelled_while_its_statement_runs_gives_its_place_back(engine: Engine) -> None:
    for _ in range(3 * LANES):
        task = asyncio.create_task(engine.execute(fact("never")))
        await asyncio.sleep(0)
        task.cancel()

    async with asyncio.timeout(PATIENCE):
        await engine.execute(fact("after"))
    assert "after" in await names(engine)


async def test_transactions_see_what_they_wrote_themselves(engine: Engine) -> None:
    async with engine.transaction() as transaction:
        await transaction.execute(fact("mine", "1"))
        found = await transaction.fetch_one(select(meta.c.value).where(meta.c.name == "mine"))

    assert found is not None
    assert found.value == "1"


async def test_what_a_transaction_changed_can_be_had_back_from_the_same_statement(engine: Engine) -> None:
    async with engine.transaction() as transaction:
        await transaction.execute(insert(meta), [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}])
        statement = update(meta).where(meta.c.name.in_(("a", "b"))).values(value="3").returning(meta.c.name)
        changed = await transaction.fetch_all(statement)

    assert sorted(row.name for row in changed) == ["a", "b"]


async def test_no_count_is_lost_when_many_count_at_once(engine: Engine) -> None:
    await engine.execute(fact("count", "0"))
    counter = meta.c.name == "count"

    async def count() -> None:
        async with engine.transaction() as transaction:
            # Both engines let a second one wait here: SQLite since it began, PostgreSQL at the row.
            await transaction.execute(update(meta).where(counter).values(value=meta.c.value))
            found = await transaction.fetch_one(select(meta.c.value).where(counter))
            assert found is not None
            await transaction.execute(update(meta).where(counter).values(value=str(int(found.value) + 1)))

    async with asyncio.TaskGroup() as group:
        for _ in range(5 * LANES):
            group.create_task(count())

    found = await engine.fetch_one(select(meta.c.value).where(counter))
    assert found is not None
    assert found.value == str(5 * LANES)


async def test_a_snapshot_sees_one_moment_whatever_is_committed_meanwhile(engine: Engine) -> None:
    async with engine.snapshot() as snapshot:
        before = await snapshot.fetch_all(select(meta.c.name))
        await engine.execute(fact("meanwhile"))
        after = await snapshot.fetch_all(select(meta.c.name))

    assert after == before
    assert "meanwhile" in await names(engine)


async def test_reading_goes_on_while_somebody_writes(engine: Engine) -> None:
    before = await names(engine)

    async with engine.transaction() as transaction:
        await transaction.execute(fact("unseen"))
        async with asyncio.timeout(PATIENCE):
            during = await names(engine)

    assert during == before


async def test_a_second_row_of_the_same_name_is_a_conflict_that_names_the_field(engine: Engine) -> None:
    await two_organisations(engine)
    own = {"workspace_id": f"ws-of-{OURS}"}
    await engine.execute(row(configs, id="a", slug="pc-Straße", **own))

    with pytest.raises(Conflict) as raised:
        await engine.execute(row(configs, id="b", slug="PC-STRASSE", **own))

    assert raised.value.param == "slug"
    assert raised.value.message == "There is one with this slug already: choose another."


async def test_an_id_that_is_taken_is_a_conflict_too(engine: Engine) -> None:
    await engine.execute(fact("a"))

    with pytest.raises(Conflict, match="one with this name already"):
        await engine.execute(fact("a"))


async def test_what_is_referred_to_cannot_be_deleted(engine: Engine) -> None:
    await two_organisations(engine)
    await engine.execute(row(virtual_keys, id="vk", workspace_id=f"ws-of-{OURS}", slug="x"))

    with pytest.raises(Conflict) as raised:
        await engine.execute(delete(workspaces).where(workspaces.c.organisation_id == OURS))

    assert raised.value.code == "in_use"


async def test_what_is_not_there_cannot_be_referred_to(engine: Engine) -> None:
    await two_organisations(engine)

    with pytest.raises(Conflict) as raised:
        await engine.execute(row(virtual_keys, id="vk", workspace_id="ws-nowhere", slug="x"))

    assert raised.value.code == "reference_gone"


async def test_a_row_of_one_tenant_cannot_refer_to_one_of_another(engine: Engine) -> None:
    await two_organisations(engine)

    with pytest.raises(Conflict) as raised:
        await engine.execute(row(virtual_keys, id="vk", workspace_id=f"ws-of-{THEIRS}", slug="x"))

    assert raised.value.code == "reference_gone"


async def test_a_conflict_undoes_the_whole_transaction(engine: Engine) -> None:
    before = await names(engine)

    with pytest.raises(Conflict):
        await add(engine, fact("a"), fact("b"), fact("a"))

    assert await names(engine) == before


async def test_a_failure_that_was_caught_still_undoes_the_transaction(engine: Engine) -> None:
    before = await names(engine)

    async def go_on() -> None:
        async with engine.transaction() as transaction:
            await transaction.execute(fact("a"))
            with contextlib.suppress(Conflict):
                await transaction.execute(fact("a"))

    with pytest.raises(Conflict):
        await go_on()

    assert await names(engine) == before


async def test_a_statement_that_does_not_say_whose_rows_it_means_is_refused(engine: Engine) -> None:
    with pytest.raises(StatementRefused, match="whose rows of configs"):
        await engine.fetch_all(select(configs).where(configs.c.id == "pc-of-somebody-else"))


async def test_the_threads_of_the_event_loop_are_left_alone(engine: Engine) -> None:
    class Refusing(ThreadPoolExecutor):
        def submit(self, *job: object, **more: object) -> Any:
            raise AssertionError("the default executor was used")

    asyncio.get_running_loop().set_default_executor(Refusing())

    await engine.execute(fact("a"))

    assert "a" in await names(engine)


async def test_a_database_that_is_away_is_reported_soon_and_used_again_when_it_is_back(
    databases: Databases, address: Address
) -> None:
    engine = open_engine(address)
    with databases.outage(address):
        for _ in range(2):
            with pytest.raises(StorageDown):
                async with asyncio.timeout(PATIENCE):
                    await names(engine)

    assert await names(engine) == ["installation_id"]
    await engine.aclose()


async def test_whoever_waits_for_too_long_for_a_place_is_told_so(engine: Engine) -> None:
    async def occupy() -> None:
        async with engine.snapshot():
            occupied.release()
            await asyncio.Event().wait()

    occupied = asyncio.Semaphore(0)
    occupants = [asyncio.create_task(occupy()) for _ in range(LANES)]
    for _ in range(LANES):
        await occupied.acquire()

    with pytest.raises(StorageDown):
        async with asyncio.timeout(PATIENCE):
            await names(engine)

    for occupant in occupants:
        occupant.cancel()
    await asyncio.wait(occupants)
    assert await names(engine) == ["installation_id"]


async def test_what_a_failed_call_leaves_to_be_logged_holds_no_value(engine: Engine) -> None:
    await engine.execute(fact("a"))

    with pytest.raises(Conflict) as raised:
        await engine.execute(fact("a", "fw_secret-of-somebody"))

    assert "fw_secret" not in f"{raised.value!r} {raised.value.__cause__!r}"


async def test_an_engine_can_be_closed_while_it_is_used(address: Address) -> None:
    engine = open_engine(address)

    async with engine.snapshot() as snapshot:
        async with asyncio.timeout(2 * PATIENCE):
            await engine.aclose()
        await snapshot.fetch_all(select(func.count()).select_from(meta))

    with pytest.raises(StorageDown):
        await names(engine)
