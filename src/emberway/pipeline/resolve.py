"""Who calls, and where the call goes: headers and model name → identity and :class:`Target`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from emberway.accounts.directory import KeyDirectory
from emberway.errors import InvalidCall, NotBuilt, Unauthenticated
from emberway.exchange import CallOptions, Identity
from emberway.providers.base import Call, Provider
from emberway.secret import Secret
from emberway.upstream.addresses import BaseUrl, parse_base_url

_PLACEHOLDERS = frozenset({"OPENAI_API_KEY", "DUMMY-KEY", "dummy", "undefined", "null", "None"})
"""What SDKs put into ``Authorization`` when their user gave no key (captured); never a provider's credential."""

EMULATOR = "emulator"
"""Slug of the provider that is always there."""

_SEND_A_PROVIDER = (
    "Say which provider the call is for: send the header x-portkey-provider (for instance 'fireworks-ai' with that "
    "provider's key in Authorization, or '@emulator', which needs no key)."
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a provider is reached in this process."""

    base: BaseUrl
    credential: Secret | None = None
    """Used when the caller brings none; never sent anywhere else."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where one call goes."""

    provider: Provider
    place: Place | None
    """``None`` for a provider that is started when it is first needed."""
    credential: Secret | None
    """The caller's own."""


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
        options = call.options
        provider = self.provider_of(options, call.model)
        if provider is None:
            raise InvalidCall(_SEND_A_PROVIDER, param="x-portkey-provider", code="missing_provider")
        if call.model is not None and names_a_slug(call.model):
            call.model = call.model.partition("/")[2]
        credential = self._callers_credential(options)
        place = self.places.get(provider.slug)
        if options.custom_host is not None:
            place = self._custom_place(options.custom_host)
        elif place is None and provider.slug == EMULATOR:
            return Target(provider, None, credential)
        if place is None:
            place = Place(parse_base_url(provider.base_url, frozenset()))
        return Target(provider, place, credential)

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
