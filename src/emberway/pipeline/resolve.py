"""Who calls, and where the call goes: headers, config and model name → identity and destination."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from dataclasses import field as dataclass_field
from typing import cast

from msgspec import Struct, field

from emberway.accounts.directory import KeyDirectory
from emberway.errors import InvalidCall, NotBuilt, Unauthenticated
from emberway.exchange import CallOptions, Identity
from emberway.pipeline.destination import Destination, Place
from emberway.pipeline.plans import Plans
from emberway.providers.base import Call, Provider
from emberway.routing.apart import apart
from emberway.routing.base import Command
from emberway.routing.lead import Lead, lead_of
from emberway.routing.plan import Plan, Target
from emberway.secret import Secret
from emberway.upstream.addresses import parse_base_url
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


class Planned(Struct, eq=False):
    """What all calls have in common that come with the same headers and the same config."""

    plan: Plan
    lead: Lead | None
    destinations: dict[Target, Destination] = field(default_factory=dict)
    """Of the targets that take every call as it is, and whose destination no model decides."""

    def begins_with(self, command: Command) -> bool:
        """Whether ``command`` is the plan's lead."""
        return self.lead is not None and self.lead.command == command


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
    plans: Plans = dataclass_field(default_factory=Plans)

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

    def provider_of(self, options: CallOptions, model: str | None, target: Target | None = None) -> Provider | None:
        """The provider that a call names, by target, header or its model's name; ``None`` when it names none.

        Within a target its own provider comes first, then its virtual key, then the model (specification 2.11).
        """
        slug, virtual_key, where = options.provider, options.virtual_key, "x-portkey-provider"
        if target is not None and (target.provider or target.virtual_key or names_a_slug(model or "")):
            slug, virtual_key, where = target.provider, target.virtual_key, target.path
            if slug is not None:
                virtual_key = None
        if virtual_key is not None:
            raise _no_virtual_keys(virtual_key, where if target else "x-portkey-virtual-key")
        if slug is None and model is not None and names_a_slug(model):
            slug, where = model.partition("/")[0], "model"
        if slug is None:
            return self.claim(model) if model is not None else None
        if slug.startswith("@"):
            slug = slug[1:].partition("/")[0]
            if slug != EMULATOR:
                raise _no_virtual_keys(slug, where)
        return self.find_provider(slug)

    def resolve(self, call: Call) -> Destination | Planned:
        """Where ``call`` goes, or by which plan that is found; raises a CallerError that says what to send instead."""
        options, model = call.options, call.model
        found = options.target
        if found is not None and (model is None or model[:1] != "@" or not names_a_slug(model)):
            return cast("Destination | Planned", found)  # nobody else puts anything there
        if options.config is not None:
            if found is None:
                plan = apart(self.plans.of(options.config), options.custom_host, options.provider)
                options.target = found = Planned(plan, lead_of(plan.root))
            return cast("Planned", found)
        return self.destination(call)

    def destination(self, call: Call, target: Target | None = None) -> Destination:
        """Provider, address and credential for ``call``, for one target of a plan or, without, by its headers.

        Takes an ``@slug/`` that was read off the model's name. Raises a CallerError that says what to send instead.
        """
        options, model = call.options, call.model
        provider = self.provider_of(options, model, target)
        if provider is None:
            raise InvalidCall(_SEND_A_PROVIDER, param="x-portkey-provider", code="missing_provider")
        if model is not None and model[:1] == "@" and names_a_slug(model):
            call.model = model.partition("/")[2]
        host = options.custom_host or (target.custom_host if target is not None else None)
        names = options.forward_headers or (target.forward_headers if target is not None else ())
        seconds = options.request_timeout or (target.request_timeout if target is not None else None)
        whole, streaming = deadlines_within(self.deadlines, seconds)
        to = Destination(
            provider,
            self._place(provider) if host is None else self._custom_place(host),
            self._credential(options, target),
            whole,
            streaming,
            provider.forwards | _ALWAYS_FORWARDED | {name.encode("latin-1") for name in names},
        )
        if target is None and options.provider is not None and to.place is not None:
            options.target = to
        return to

    def _place(self, provider: Provider) -> Place | None:
        place = self.places.get(provider.slug)
        if place is None and provider.slug != EMULATOR:
            place = Place(parse_base_url(provider.base_url, frozenset()))
        return place

    def _credential(self, options: CallOptions, target: Target | None) -> Secret | None:
        """What the call brings for its provider.

        A target's own key comes first. The caller's ``Authorization`` was meant for the provider that the headers name,
        so a target that names another does not get it; one that stands alone in its config is the caller's choice.
        """
        if target is None or target.provider is None:
            return target.api_key if target is not None and target.api_key else self._callers_credential(options)
        if target.api_key is None and target.provider == (options.provider or _alone(target)):
            return self._callers_credential(options)
        return target.api_key

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


def deadlines_within(given: Deadlines, seconds: float | None) -> tuple[Deadlines, Deadlines]:
    """The deadlines of a whole answer and of a stream, where the call is to take no more than ``seconds``.

    A whole answer must be there by then, a stream must have begun: it is never cut later (specification 4.5). The
    operator's bounds stay.
    """
    if seconds is None:
        return given, given
    streaming = replace(given, first_byte=min(seconds, given.first_byte))
    return replace(streaming, total=min(seconds, given.total)), streaming


def _alone(target: Target) -> str | None:
    """The provider of a config that is a single target."""
    return target.provider if target.path == "config" else None


def names_a_slug(model: str) -> bool:
    """Whether a model name begins with a saved provider's slug; Cloudflare's own ``@cf/`` and ``@hf/`` names do not."""
    return model.startswith("@") and "/" in model and not model.startswith(("@cf/", "@hf/"))


def _no_virtual_keys(slug: str, where: str) -> NotBuilt:
    return NotBuilt(
        f"There is no virtual key '{slug}': virtual keys are not part of this release. Send x-portkey-provider with "
        "the provider's name and the provider's key in Authorization; '@emulator' needs no key.",
        param=where,
        code="virtual_keys_not_built",
    )
