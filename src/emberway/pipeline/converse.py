"""Carries out a dialect's conversation: the one place that waits on its behalf."""

from __future__ import annotations

import asyncio
import re

import msgspec

from emberway.errors import BadAnswer, CallerError, InvalidCall
from emberway.pipeline.attempt import MAX_ANSWER, Attempt
from emberway.providers.base import Answer, Ask, Conversation, Pause, Reply
from emberway.upstream.addresses import parse_base_url
from emberway.upstream.base import Origin
from emberway.wire.fields import not_json


async def converse(conversation: Conversation, attempt: Attempt) -> Reply:
    """Drive ``conversation`` to its reply; requests that it yields together are sent together."""
    try:
        step = next(conversation)
        while True:
            if isinstance(step, Pause):
                await asyncio.sleep(step.seconds)
                step = conversation.send(())
            else:
                step = conversation.send(await _together(step, attempt))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise not_json(error) from None
    except StopIteration as end:
        reply = end.value
        assert isinstance(reply, Reply)
        return reply
    finally:
        conversation.close()


async def _together(asks: tuple[Ask, ...], attempt: Attempt) -> tuple[Answer, ...]:
    if len(asks) == 1:
        return (await _one(asks[0], attempt),)
    try:
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(_one(ask, attempt)) for ask in asks]
    except ExceptionGroup as several:  # not `except*`: what is raised there comes out in a group of its own on 3.11.2
        raise several.exceptions[0] from None
    return tuple(task.result() for task in running)


async def _one(ask: Ask, attempt: Attempt) -> Answer:
    inbound = await attempt.ask(ask, _elsewhere(ask.path, attempt) if ask.elsewhere else None)
    try:
        body = await inbound.read(MAX_ANSWER)
        return Answer(inbound.status, dict(inbound.headers), body)
    finally:
        inbound.close()


def _elsewhere(url: str, attempt: Attempt) -> tuple[Origin, bytes]:
    """An address that a provider handed out; vetted like any other, and a signed one keeps its query."""
    own = attempt.place.base.origin
    # A provider that the operator trusts may hand out addresses at its own origin; any other must be public.
    trusted = frozenset({(own.scheme, own.host, own.port)}) if own.trusted else frozenset()
    parts = _LINK.fullmatch(url)
    try:
        if parts is None:
            raise InvalidCall("not a link")
        base = parse_base_url(parts[1], trusted)
    except CallerError:  # it is not the caller who can mend that
        raise BadAnswer("The provider handed out an address that is not fetched: it is not a public one.") from None
    return base.origin, (parts[2] or "/").encode("ascii")


_LINK = re.compile(r"([a-z]+://[^/?#@\\]+)(/[!-~]*)?")
"""Scheme and host, which are vetted, and path with query, which only has to be printable to be asked for as it is."""
