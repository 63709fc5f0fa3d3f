"""Who calls, and where the call goes: headers and model name → identity and :class:`Target`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

from msgspec import Struct, field

from emberway.accounts.directory import KeyDirectory
from emberway.errors import InvalidCall, NotBuilt, Unauthenticated
from emberway.exchange import CallOptions, Identity
from emberway.providers.base import Call, Provider
from emberway.secret import Secret
from emberway.upstream.addresses import BaseUrl, parse_base_url
from emberway.upstream.base import Deadlines

_PLACEHOLDERS = frozenset({"OPENAI_API_KEY", "DUMMY-KEY", "dummy", "undefined", "null", "None"})
"""What SDKs put into ``Authorization`` when their user gave no key (captured); never a provider's credential."""

_ALWAYS_FORWARDED = frozenset({b"traceparent", b"tracestate", b"idempotency-key"})

EMULATOR = "emulator"
"""Slug of the provider that is always there."""

_SEND_A_PROVIDER = (
    "Say which provider the call is for: send the header x-portkey-provider (for instance 'fireworks-ai' with that "
    "provider's key in Authorization, or '@emulator', which needs no key)."
)


Pairs = tuple[tuple[bytes, bytes], ...]


class Place(Struct, frozen=True):
    """Where a provider is reached in this process."""

    base: BaseUrl
    credential: Secret | None = None
    """Used when the caller brings none; never sent anywhere else."""


class Target(Struct, eq=False):
    """Where a call goes, and what all calls that go there with the same headers have in common."""

    provider: Provider
    place: Place | None
    """``None`` for a provider that is started when it is first needed."""
    credential: Secret | None
    """The caller's own."""
    deadlines: Deadlines
    forwarded: frozenset[bytes]
    """Names of the caller's headers that go on to the provider."""
    starts: dict[tuple[str, str, Pairs], bytes] = field(default_factory=dict)
    """By method, path and the dialect's headers: the head of a request less what is about its body alone."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """Knows the keys, the providers and the operator's rules of this process."""

    directory: KeyDirectory
    find_provider: Callable[[str], Provider]
    """Slug → provider; raises a CallerError that says which there are."""
    claim: Callable[[str], Provider | None]
    """Model name → the provider whose name alone has that form, if any."""
    places: Mapping[str, Place]
    """By slug, the providers that are elsewhere than their definition says."""
    deadlines: Deadlines
    trusted_origins: frozenset[tuple[str, str, int]] = frozenset()
    custom_hosts: bool = True

    def identify(self, options: CallOptions) -> Identity:
        """Whose call this is; the first of the three places that holds anything that could be a key of ours decides.

        Rules 1 and 2 of the captured clients' credential resolution, and ``x-api-key`` for Anthropic's clients.
        """
        if options.api_key is not None:
            identity = self.directory.identify(options.api_key.reveal())
            where = "x-portkey-api-key"
        else:
            where = "Authorization or x-api-key"
            identity = None
            for candidate in (options.authorization, options.x_api_key):
                if candidate is not None and identity is None:
                    identity = self.directory.identify(candidate.reveal())
            if options.authorization is None and options.x_api_key is None:
                raise Unauthenticated(
                    "No key came with the call. Send this gateway's key in the header x-portkey-api-key, as "
                    "'Authorization: Bearer <key>', or in x-api-key.",
                    code="missing_api_key",
                )
        if identity is None:
            raise Unauthenticated(
                f"The key in {where} is not one of this gateway's. Send this gateway's key in x-portkey-api-key and, "
                "where the call needs one, the provider's key as 'Authorization: Bearer <key>'."
            )
        return identity

    def provider_of(self, options: CallOptions, model: str | None) -> Provider | None:
        """The provider that a call names, by header or by its model's name; ``None`` when it names none."""
        if options.config is not None:
            raise NotBuilt(
                "Routing configs (x-portkey-config) are not part of this release. Name one provider in "
                "x-portkey-provider instead.",
                param="x-portkey-config",
                code="configs_not_built",
            )
        if options.virtual_key is not None:
            raise _no_virtual_keys(options.virtual_key, "x-portkey-virtual-key")
        slug = options.provider
        where = "x-portkey-provider"
        if slug is None and model is not None and names_a_slug(model):
            slug, where = model.partition("/")[0], "model"
        if slug is None:
            return self.claim(model) if model is not None else None
        if slug.startswith("@"):
            slug = slug[1:].partition("/")[0]
            if slug != EMULATOR:
                raise _no_virtual_keys(slug, where)
        return self.find_provider(slug)

    def resolve(self, call: Call) -> Target:
        """Provider, address and credential for ``call``; raises a CallerError that says what to send instead."""
        options, model = call.options, call.model
        names_its_place = model is not None and model[:1] == "@" and names_a_slug(model)
        if options.target is not None and not names_its_place:
            return cast("Target", options.target)  # nobody else puts anything there
        provider = self.provider_of(options, model)
        if provider is None:
            raise InvalidCall(_SEND_A_PROVIDER, param="x-portkey-provider", code="missing_provider")
        if names_its_place and model is not None:
            call.model = model.partition("/")[2]
        target = Target(
            provider,
            self._place(provider, options),
            self._callers_credential(options),
            deadlines_of(self.deadlines, options),
            provider.forwards | _ALWAYS_FORWARDED | {name.encode("latin-1") for name in options.forward_headers},
        )
        if options.provider is not None and target.place is not None:
            options.target = target
        return target

    def _place(self, provider: Provider, options: CallOptions) -> Place | None:
        if options.custom_host is not None:
            return self._custom_place(options.custom_host)
        place = self.places.get(provider.slug)
        if place is None and provider.slug != EMULATOR:
            place = Place(parse_base_url(provider.base_url, frozenset()))
        return place

    def _custom_place(self, url: str) -> Place:
        if not self.custom_hosts:
            raise InvalidCall(
                "Custom hosts are switched off on this gateway. Leave x-portkey-custom-host out.",
                param="x-portkey-custom-host",
                code="custom_hosts_off",
            )
        return Place(parse_base_url(url, self.trusted_origins))

    def _callers_credential(self, options: CallOptions) -> Secret | None:
        """What the caller brought for the provider: ``Authorization``, unless it is a placeholder or a key of ours."""
        token = options.authorization
        if token is None:
            return None
        text = token.reveal()
        if not text or text in _PLACEHOLDERS:
            return None
        if options.api_key is not None and text == options.api_key.reveal():
            return None
        return None if self.directory.identify(text) is not None else token


def deadlines_of(deadlines: Deadlines, options: CallOptions) -> Deadlines:
    """The caller's ``x-portkey-request-timeout`` bounds the whole call, head and body (in the operator's bounds)."""
    wanted = options.request_timeout
    if wanted is None:
        return deadlines
    return replace(deadlines, first_byte=min(wanted, deadlines.first_byte), total=min(wanted, deadlines.total))


def names_a_slug(model: str) -> bool:
    """Whether a model name begins with a saved provider's slug; Cloudflare's own ``@cf/`` and ``@hf/`` names do not."""
    return model.startswith("@") and "/" in model and not model.startswith(("@cf/", "@hf/"))


def no_credential(provider: Provider) -> Unauthenticated:
    """The error for a call that brings no key for its provider."""
    return Unauthenticated(
        f"The call brings no key for the provider '{provider.slug}'. Send it as 'Authorization: Bearer <provider key>' "
        "and this gateway's own key in x-portkey-api-key.",
        param="authorization",
        code="missing_provider_key",
    )


def _no_virtual_keys(slug: str, where: str) -> NotBuilt:
    return NotBuilt(
        f"There is no virtual key '{slug}': virtual keys are not part of this release. Send x-portkey-provider with "
        "the provider's name and the provider's key in Authorization; '@emulator' needs no key.",
        param=where,
        code="virtual_keys_not_built",
    )
