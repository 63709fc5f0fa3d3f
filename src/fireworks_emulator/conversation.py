"""The emulated model at work: from a chat request to an answer, before that takes the shape of an endpoint."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fireworks_emulator import prose, reasoning, sampling, structured, tools, usage, vision
from fireworks_emulator.answer import Answer, Choice, Finish, FunctionCall, Prompt, echoed
from fireworks_emulator.call import Call
from fireworks_emulator.catalogue import Model
from fireworks_emulator.prose import Situation
from fireworks_emulator.reasoning import Reasoning
from fireworks_emulator.requests import ChatRequest, Message
from fireworks_emulator.structured import Form
from fireworks_emulator.tokens import split
from fireworks_emulator.tools import Planned


@dataclass(frozen=True, slots=True)
class Task:
    """A checked request: everything that the choices are made from."""

    request: ChatRequest
    model: Model
    prompt: Prompt
    situation: Situation
    form: Form | None
    plan: Reasoning
    calls: tuple[Planned, ...]
    limit: int
    """Tokens per choice."""
    seed: int | None


async def converse(call: Call, request: ChatRequest, session: str | None) -> Answer:
    """Answer a conversation. ``session``: the header ``x-session-affinity``. Raises Refused where the provider refuses.

    Work on grammars, schemas and pictures happens beside the event loop: it may take long, and streams must go on.
    """
    model = call.model(request.model, "chat")
    if _is_heavy(request, model):
        task, choices = await asyncio.to_thread(_work, call, request, model, session)
    else:
        task, choices = _work(call, request, model, session)
    if call.has_manner("tool-text"):
        choices = tuple(_in_words(choice) for choice in choices)
    rate = model.rate or call.emulator.settings.rate
    return Answer(call.emulator.new_id(), model.id, int(time.time()), (task.prompt,), choices, rate)


def _is_heavy(request: ChatRequest, model: Model) -> bool:
    return (
        request.response_format is not None
        or bool(tools.offered(request))
        or any(map(usage.picture_count, request.messages))
        or model.slug == "json"
    )


def _work(call: Call, request: ChatRequest, model: Model, session: str | None) -> tuple[Task, tuple[Choice, ...]]:
    task = _task(call, request, model, session)
    return task, tuple(_choice(task, index) for index in range(request.n))


def _task(call: Call, request: ChatRequest, model: Model, session: str | None) -> Task:
    sampling.check(request)
    tools.check_history(request.messages)
    sights = vision.look_at(request.messages, model)
    offered = tools.offered(request)
    tools.check_tools(offered)
    form = structured.form_of(request.response_format) or (Form() if model.slug == "json" else None)
    plan = reasoning.plan(request, model)
    messages = _kept(request)
    prompt = usage.conversation(messages, offered, call.emulator.prompt_cache, usage.affinity(request, session))
    situation = _situation(model, messages, sights)
    return Task(
        request=request,
        model=model,
        prompt=prompt,
        situation=situation,
        form=form,
        plan=Reasoning() if form and form.is_json_schema else plan,
        calls=tuple(tools.choose(request, offered, situation.question, answered=bool(situation.results))),
        limit=sampling.token_limit(request, model, prompt.count),
        seed=call.emulator.settings.seed,
    )


def _kept(request: ChatRequest) -> Sequence[Message]:
    if request.prompt_truncate_len is None or request.safe_tokenization:
        return request.messages
    return usage.truncated(request.messages, request.prompt_truncate_len)


def _situation(model: Model, messages: Sequence[Message], sights: tuple[str, ...]) -> Situation:
    asked = [number for number, message in enumerate(messages) if message.role == "user"]
    last = asked[-1] if asked else len(messages) - 1
    names = {call.id: call.function.name for message in messages for call in message.tool_calls or ()}
    results = tuple(
        (names.get(message.tool_call_id, "tool"), " ".join(usage.texts(message)))
        for message in messages[last + 1 :]
        if message.role == "tool"
    )
    return Situation(model.slug, " ".join(usage.texts(messages[last])), sights, results)


def _choice(task: Task, index: int) -> Choice:
    dice = sampling.dice(task.request, task.seed, index)
    thoughts, spent = _think(task, dice)
    if spent:
        return Choice(index, "length", reasoning=thoughts)
    room = task.limit - len(thoughts)
    if task.calls:
        calls, finish = _call_tools(task, room, dice)
        return Choice(index, finish, reasoning=thoughts, calls=calls)
    text, complete = _write(task, room, dice)
    said, finish, stopped_by = sampling.fit(text, room, sampling.stops(task.request), complete=complete)
    return Choice(
        index,
        finish,
        said,
        echoed(task.prompt, task.request.echo, task.request.echo_last),
        thoughts,
        stopped_by=stopped_by,
        grammar=task.form.shown if task.form else None,
    )


def _think(task: Task, dice: random.Random) -> tuple[tuple[str, ...], bool]:
    """The reasoning's tokens, and whether they used up the whole limit."""
    if not task.plan.sentences:
        return (), False
    tokens = split(prose.think(task.situation, task.plan.sentences, dice))
    capped = tokens if task.plan.cap is None else tokens[: task.plan.cap]
    return tuple(capped[: task.limit]), len(capped) >= task.limit


def _write(task: Task, limit: int, dice: random.Random) -> tuple[str, bool]:
    if task.form:
        generated = structured.write(task.form, dice, limit, task.situation.question)
        return generated.text, generated.complete
    text = prose.speak(task.situation, dice)
    return (sampling.prolong(text, limit, dice) if task.request.ignore_eos else text), True


def _call_tools(task: Task, limit: int, dice: random.Random) -> tuple[tuple[FunctionCall, ...], Finish]:
    """The planned calls, as far as the limit allows: the last one may have broken arguments, as at the provider."""
    calls: list[FunctionCall] = []
    for planned in task.calls:
        text, complete = tools.arguments(planned, dice, limit)
        name = split(planned.name)
        tokens = tuple(split(text)[: max(0, limit - len(name))])
        limit -= len(name) + len(tokens)
        calls.append(FunctionCall(f"call_{dice.getrandbits(96):024x}", planned.name, tokens))
        if not complete or "".join(tokens) != text:
            return tuple(calls), "length"
    return tuple(calls), "tool_calls"


def _in_words(choice: Choice) -> Choice:
    """A choice whose tool call is JSON in its text, as older models of the provider write it."""
    if not choice.calls:
        return choice
    call = choice.calls[0]
    text = f'{{"name": "{call.name}", "parameters": {"".join(call.arguments)}}}'
    return replace(choice, calls=(), text=tuple(split(text)), finish="length" if choice.finish == "length" else "stop")
