"""``POST /completions``: several prompts, token ids and pictures in; text out, after the prompt where ``echo`` asks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import Response

from fireworks_emulator import delivery, logprobs, prose, sampling, structured, usage, vision
from fireworks_emulator.answer import Answer, Choice, Prompt, echoed
from fireworks_emulator.call import Call, call_of, read_body
from fireworks_emulator.catalogue import Model
from fireworks_emulator.prose import Situation
from fireworks_emulator.raw_output import raw_output
from fireworks_emulator.requests import CompletionRequest
from fireworks_emulator.tokens import token_id
from fireworks_emulator.validation import invalid, parse


async def completions(request: Request) -> Response:
    """Continue one or several prompts."""
    call = call_of(request)
    asked = parse(await read_body(request), CompletionRequest)
    model = call.model(asked.model, "chat")
    session = request.headers.get("x-session-affinity")
    if asked.response_format is None:
        answer = complete(call, asked, model, session)
    else:
        answer = await asyncio.to_thread(complete, call, asked, model, session)
    writer = Writer(asked, answer, call)
    return await delivery.deliver(request, asked, answer, writer.whole, writer.events)


def complete(call: Call, asked: CompletionRequest, model: Model, session: str | None) -> Answer:
    """Answer every prompt ``n`` times, in order. Raises Refused where the provider refuses."""
    sampling.check(asked)
    given = prompts(asked)
    pictures = _pictures(asked, len(given))
    affinity = usage.affinity(asked, session)
    cache = call.emulator.prompt_cache
    counted = tuple(
        usage.completion(text, len(seen), cache, affinity) for text, seen in zip(given, pictures, strict=True)
    )
    choices: list[Choice] = []
    for number, (prompt, addresses) in enumerate(zip(counted, pictures, strict=True)):
        sights = vision.look_at_addresses([(address, f"images[{number}]") for address in addresses], model)
        situation = Situation(model.slug, "".join(prompt.tokens), sights)
        limit = sampling.token_limit(asked, model, prompt.count)
        for _ in range(asked.n):
            choices.append(_choice(asked, prompt, situation, limit, len(choices), call.emulator.settings.seed))
    rate = model.rate or call.emulator.settings.rate
    return Answer(call.emulator.new_id(), model.id, int(time.time()), counted, tuple(choices), rate)


def prompts(asked: CompletionRequest) -> Sequence[str | list[int]]:
    """The prompts of a request: texts, or lists of token ids. Raises 400 for a mixture or for none."""
    given = asked.prompt
    if isinstance(given, str):
        return [given]
    kinds = {type(entry) for entry in given}
    if kinds == {int}:
        return [cast("list[int]", given)]
    if kinds in ({str}, {list}):
        return cast("list[str | list[int]]", given)
    raise invalid("Expected a text, texts, token ids or lists of token ids", "prompt", given)


@dataclass(frozen=True, slots=True)
class Writer:
    """Writes one answer in the shape of the endpoint."""

    asked: CompletionRequest
    answer: Answer
    call: Call

    def whole(self) -> dict[str, Any]:
        """The answer as one object."""
        body = self._object([self._choice(choice) for choice in self.answer.choices])
        return body | delivery.figures(self.asked, self.answer, self.call)

    def events(self) -> Iterator[bytes]:
        """The answer as server-sent events, one per token; several choices take turns."""
        chunks = delivery.interleaved(self._chunks(choice) for choice in self.answer.choices)
        return delivery.closed_off(chunks, self._chunk([]), self.asked, self.answer, self.call)

    def _choice(self, choice: Choice) -> dict[str, Any]:
        body = self._piece(choice, choice.content, 0)
        return body | {"finish_reason": choice.finish} | self._prompt_ids(choice) | self._raw(choice)

    def _chunks(self, choice: Choice) -> Iterator[dict[str, Any]]:
        place = 0
        first = self._prompt_ids(choice)
        for token in choice.content:
            yield self._chunk([self._piece(choice, (token,), place) | first])
            first = {}
            place += len(token)
        last = self._piece(choice, (), place) | {"finish_reason": choice.finish}
        yield self._chunk([last | first | self._raw(choice)])

    def _piece(self, choice: Choice, tokens: Sequence[str], place: int) -> dict[str, Any]:
        """Some tokens of a choice."""
        opens = bool(choice.echo) and place == 0
        probabilities = logprobs.wanted(self.asked, tokens, place, from_start=opens) if tokens else None
        piece = {"index": choice.index, "text": "".join(tokens), "logprobs": probabilities, "finish_reason": None}
        if self.asked.return_token_ids:
            piece["token_ids"] = [token_id(token) for token in tokens]
        return piece

    def _prompt_ids(self, choice: Choice) -> dict[str, Any]:
        return {"prompt_token_ids": self._prompt(choice).ids} if self.asked.return_token_ids else {}

    def _raw(self, choice: Choice) -> dict[str, Any]:
        return {"raw_output": raw_output(self._prompt(choice), choice)} if self.asked.raw_output else {}

    def _prompt(self, choice: Choice) -> Prompt:
        return self.answer.prompts[choice.index // self.asked.n]

    def _object(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": self.answer.id,
            "object": "text_completion",
            "created": self.answer.created,
            "model": self.answer.model,
            "choices": choices,
        }

    def _chunk(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        return self._object(choices) | {"usage": None}


def _choice(
    asked: CompletionRequest, prompt: Prompt, situation: Situation, limit: int, index: int, seed: int | None
) -> Choice:
    dice = sampling.dice(asked, seed, index)
    form = structured.form_of(asked.response_format)
    complete = True
    if form:
        generated = structured.write(form, dice, limit, situation.question)
        text, complete = generated.text, generated.complete
    else:
        text = " " + prose.speak(situation, dice)
        text = sampling.prolong(text, limit, dice) if asked.ignore_eos else text
    said, finish, stopped_by = sampling.fit(text, limit, sampling.stops(asked), complete=complete)
    return Choice(
        index,
        finish,
        said,
        echoed(prompt, asked.echo, asked.echo_last),
        stopped_by=stopped_by,
        grammar=form.shown if form else None,
    )


def _pictures(asked: CompletionRequest, number: int) -> list[list[str]]:
    """The pictures of each prompt. Raises 400 where lists of pictures and prompts do not match."""
    given = asked.images or []
    if all(isinstance(entry, str) for entry in given):
        return [cast("list[str]", given), *([] for _ in range(number - 1))]
    if len(given) == number and all(isinstance(entry, list) for entry in given):
        return cast("list[list[str]]", given)
    raise invalid("Expected one list of images for each prompt", "images")
