"""Every field that a config may have: what it may say, what it means, and what stands for it when it is absent.

The one list that configs are read by, that the published schema is made of and that the reference page is held to.
Its source is the specification, section 4; what is this gateway's own (``hedge``, ``shadow``) says so on the page.
"""

from __future__ import annotations

from typing import Any

from emberway.routing import header_names
from emberway.routing.level import Branch, Level, ShadowLevel, Strategy
from emberway.routing.plan import RETRIED, Breaker, Hedge, Retry, Sticky
from emberway.routing.provider_settings import ProviderSettings
from emberway.routing.query_shape import QUERY
from emberway.routing.records import Field, Record, needs, one_of, only_if, required_if
from emberway.routing.shapes import (
    Anything,
    Choice,
    Either,
    Flag,
    Later,
    Listing,
    Made,
    NotHere,
    Number,
    Text,
    Verbatim,
    whole,
)
from emberway.secret import Secret

MOST_TARGETS = 1_000
"""Of one group."""
MOST_PARAMS = 128
"""Fields, or paths, that a config sets in a body or takes out of it: each target has all that it inherits."""
MOST_ATTEMPTS = 5
"""Retries of one target (Portkey's documentation; its open gateway does not enforce them)."""
LEAST_COOLDOWN = 30.0
"""Seconds that a circuit breaker stays open at the least (captured)."""
UNUSED = ("$schema", "fetch_integrated_models", "id", "is_open", "metadata", "on_status_codes", "passthrough")
"""Fields of a level that change nothing: Portkey ignores them too, or fills them in itself, or they say what is so."""

_NOT_BUILT = "it is not part of this release, and without it the config would do something else. Leave it out."


def _level(**said: Any) -> Level:
    return Level(**{name: value for name, value in said.items() if name not in UNUSED})


def _retry(attempts: int = 0, on_status_codes: frozenset[int] = RETRIED, use_retry_after_header: bool = False) -> Retry:
    return Retry(attempts, on_status_codes, use_retry_after_header)


def _breaker(
    cooldown_interval: float,
    failure_threshold: int | None = None,
    failure_threshold_percentage: float | None = None,
    minimum_requests: int = 5,
    failure_status_codes: frozenset[int] | None = None,
) -> Breaker:
    share = None if failure_threshold_percentage is None else failure_threshold_percentage / 100
    cooldown = max(cooldown_interval, LEAST_COOLDOWN)
    return Breaker(failure_threshold, share, minimum_requests, cooldown, failure_status_codes)


def _sticky(enabled: bool = True, hash_fields: tuple[str, ...] = (), ttl: float = 3600.0) -> Sticky | None:
    return Sticky(hash_fields, ttl) if enabled else None


def _hedge(after: float | str = "p95", max_share: float = 0.1) -> Hedge:
    return Hedge(None if isinstance(after, str) else after, max_share)


def _seconds(milliseconds: float) -> float:
    return milliseconds / 1000


STATUSES = Made(Listing(whole(100, 599), "a list of statuses, such as [429, 503]", 500), frozenset)
SHARE = Number(0, 1)

RETRY = Record(
    "retry",
    "How often a target is tried again, and after what.",
    (
        Field("attempts", whole(0, MOST_ATTEMPTS), "Retries beyond the first attempt.", 0),
        Field("on_status_codes", STATUSES, "Statuses that are tried again.", sorted(RETRIED)),
        Field(
            "use_retry_after_header",
            Flag(),
            "Wait as long as a 429 asks for, up to 60 seconds for the whole call.",
            False,
            also=("use_retry_after_headers",),
        ),
    ),
    _retry,
    elsewhere={"count": "Did you mean 'attempts'?"},
)

CACHE = Record(
    "cache",
    "Answers that are kept. Nothing is cached yet.",
    (
        Field("mode", Choice(("simple", "semantic")), "Which calls count as equal."),
        Field("max_age", whole(0), "Seconds that an answer is kept.", examples=(3600,)),
    ),
    dict,
)

BREAKER = Record(
    "cb_config",
    "When a failing target is left alone for a while.",
    (
        Field("failure_threshold", whole(1), "Failures that open the breaker.", examples=(5,)),
        Field(
            "failure_threshold_percentage",
            Number(above=0, most=100),
            "Share of failures, in percent, that opens the breaker.",
            examples=(20,),
        ),
        Field("minimum_requests", whole(1), "Calls before the percentage counts.", 5),
        Field(
            "cooldown_interval",
            Made(Number(least=0), _seconds),
            "Milliseconds from the first failure until the breaker closes; 30000 at the least.",
            required=True,
            examples=(60000,),
        ),
        Field("failure_status_codes", STATUSES, "Statuses that are failures; absent: 500 and above."),
    ),
    _breaker,
    rules=(
        one_of(
            "failure_threshold",
            "failure_threshold_percentage",
            about="The number of failures that opens the breaker, or 'failure_threshold_percentage'.",
        ),
    ),
    verbatim=True,
)

STICKY = Record(
    "sticky",
    "Which calls a load balancer sends to the same target.",
    (
        Field("enabled", Flag(), "Whether it is in use.", True),
        Field(
            "hash_fields",
            Listing(
                Text(
                    "'metadata.', 'params.' or 'headers.' and a name that is no credential's",
                    header_names.STICKY_FIELD,
                    header_names.NOT_STICKY,
                ),
                "a list of fields, such as ['metadata.user_id']",
                32,
            ),
            "What calls must have in common; without any, all calls of one key belong together.",
            [],
            examples=(["metadata.user_id"],),
        ),
        Field("ttl", Number(above=0), "Seconds that an assignment lasts at the least.", 3600),
    ),
    _sticky,
)

CONDITION = Record(
    "condition",
    "A query and where calls go that it holds for.",
    (
        Field("query", QUERY, "What is asked of the call.", required=True),
        Field("then", Text(), "Name of the target.", required=True),
    ),
    Branch,
    verbatim=True,
)

_MODE = Choice(("single", "fallback", "loadbalance", "conditional"))
_CONDITIONS = "What is asked, in order, each with the name of a target. The first that holds decides."

STRATEGY = Record(
    "strategy",
    "How a target is chosen.",
    (
        Field("mode", _MODE, "'single', 'fallback', 'loadbalance' or 'conditional'.", required=True),
        Field(
            "on_status_codes",
            STATUSES,
            "For fallback: statuses after which the next target is tried; absent: every one but 2xx.",
            examples=([429, 503],),
        ),
        Field("conditions", Listing(CONDITION, "a list of at least one condition", 1_000, least=1), _CONDITIONS),
        Field("default", Text(), "Name of the target for calls that meet no condition; absent: those get a 400."),
        Field("sticky", STICKY, "For loadbalance: which calls go to the same target.", also=("sticky_session",)),
        Field("cb_config", BREAKER, "The circuit breaker of the targets below."),
    ),
    Strategy,
    rules=(
        required_if("conditions", "mode", "conditional", _CONDITIONS),
        only_if("conditions", ("conditions",), "mode", "conditional"),
        only_if("default", ("default",), "mode", "conditional"),
        only_if("sticky", ("sticky", "sticky_session", "stickySession"), "mode", "loadbalance"),
    ),
    elsewhere={"targets": "It stands beside 'strategy', not in it."},
)

HEDGE = Record(
    "hedge",
    "When a second target is asked beside one that is slow to answer.",
    (
        Field(
            "after",
            Either(
                {
                    str: Choice(("p95",)),
                    int: Made(Number(above=0), _seconds),
                    float: Made(Number(above=0), _seconds),
                },
                "'p95' or a number of milliseconds",
            ),
            "Milliseconds without an answer, or 'p95': as long as 95 % of the target's latest answers took.",
            "p95",
        ),
        Field("max_share", SHARE, "Share of the calls that may be sent twice.", 0.1),
    ),
    _hedge,
)

_PATH = r"[^.\[\]]+(?:\[(?:[0-9]{1,6}|\*)\])*"
_WANTED_PATH = "a path such as 'logprobs', 'tools[0].function.strict' or 'messages[*].name'"

_TARGET_FIELDS = (
    Field("name", Text(), "What conditions call it."),
    Field("weight", Number(least=0), "Its share under loadbalance, relative to the others.", 1),
    Field("provider", Text(), "A provider's name, or '@' and the slug of a saved one.", examples=("@emulator",)),
    Field("api_key", Made(Text(most=16_384, secret=True), Secret), "The provider's key."),
    Field("virtual_key", Text(), "Slug of a saved provider: the older way to write '@slug'."),
    Field(
        "override_params",
        Verbatim(MOST_PARAMS),
        "Fields of the body that are set, whatever the client sent.",
        {},
        examples=({"temperature": 0},),
    ),
    Field("default_params", Verbatim(MOST_PARAMS), "Fields of the body that are set where the client sent none.", {}),
    Field(
        "drop_params",
        Listing(Text(_WANTED_PATH, rf"{_PATH}(?:\.{_PATH})*"), "a list of paths", MOST_PARAMS),
        "Paths in the body that are taken out, after all else.",
        [],
        examples=(["logprobs", "tools[*].function.strict"],),
    ),
    Field("retry", RETRY, "How often it is tried again, and after what."),
    Field("cache", Either({str: Made(Choice(("simple", "semantic")), lambda mode: {"mode": mode}), dict: CACHE},
          "an object with a mode, or the mode alone"), "Answers that are kept. Nothing is cached yet."),
    Field("request_timeout", Made(whole(1), _seconds), "Milliseconds until the answer's head, for each attempt.",
          examples=(10000,)),
    Field("custom_host", Text(most=2_048), "Another base address for the provider, its version path included."),
    Field(
        "forward_headers",
        Made(
            Listing(
                Text("the name of a header that carries neither a credential nor framing",
                     header_names.FORWARDABLE, header_names.NOT_FORWARDABLE),
                "a list of header names",
                100,
            ),
            lambda names: tuple(name.lower() for name in names),
        ),
        "Headers of the call that go on to the provider.",
        [],
    ),
    Field("strict_open_ai_compliance", Flag(), "Whether a provider's own fields are kept out of the answer.", True),
    Field("passthrough", Either({bool: Flag(), dict: Verbatim(MOST_PARAMS)}, "true, false or an object"),
          "Says that the call names the provider, which it does wherever no provider is given."),
    Field("on_status_codes", STATUSES, "Not looked at: 'strategy' and 'retry' have fields of that name."),
    Field("metadata", Verbatim(MOST_PARAMS), "Not looked at."),
    Field("id", Anything(), "Not looked at."),
    Field("is_open", Flag(), "Not looked at."),
    Field("fetch_integrated_models", Flag(), "Not looked at."),
    *(
        Field(name, NotHere(_NOT_BUILT), "Not part of this release: refused.")
        for name in (
            "before_request_hooks", "after_request_hooks", "input_guardrails", "output_guardrails",
            "default_input_guardrails", "default_output_guardrails", "input_mutators", "output_mutators", "prompt_id",
            "deployments",
        )
    ),
)  # fmt: skip

_INSIDE = "It stands inside 'strategy'."
_BODY = "Write it into 'override_params' or 'default_params'."
_ELSEWHERE = {
    "mode": _INSIDE, "conditions": _INSIDE, "default": _INSIDE, "sticky": _INSIDE, "sticky_session": _INSIDE,
    "cb_config": _INSIDE, "cbConfig": _INSIDE,
    "model": _BODY, "max_tokens": _BODY, "temperature": _BODY, "messages": _BODY, "stream": _BODY,
    "options": "Configs with 'options' are of a version that is not supported. Write 'strategy' and 'targets'.",
    "shadow": "It stands at the top of a config only.",
}  # fmt: skip

LEAF = Record(
    "leaf",
    "A single provider.",
    _TARGET_FIELDS,
    _level,
    others=ProviderSettings(),
    elsewhere={
        **_ELSEWHERE,
        **dict.fromkeys(("strategy", "targets", "hedge", "shadow"), "A shadow's target is a single provider."),
    },
)

_GROUP_FIELDS = (
    Field("strategy", STRATEGY, "How one of the targets is chosen."),
    Field(
        "targets",
        Listing(Later(lambda: TARGET), "a list of at least one target", MOST_TARGETS, least=1),
        "What the strategy chooses from; each may have targets of its own.",
    ),
    Field("hedge", HEDGE, "When a second target is asked beside one that is slow to answer."),
)
_GROUP_RULES = (
    needs("strategy", "targets", "Add the list of targets that it chooses from."),
    needs("targets", "strategy", 'Add how one is chosen: {"mode": "single"}, fallback, loadbalance or conditional.'),
    needs("hedge", "targets", "It is for calls that a strategy sends to one of several targets."),
)

TARGET: Record = Record(
    "target",
    "A provider, or a strategy over further targets.",
    (*_GROUP_FIELDS, *_TARGET_FIELDS),
    _level,
    rules=_GROUP_RULES,
    others=ProviderSettings(),
    elsewhere=_ELSEWHERE,
)

SHADOW = Record(
    "shadow",
    "A target that gets copies of calls, whose answers nobody waits for.",
    (
        Field("target", LEAF, "Where the copies go.", required=True),
        Field("share", SHARE, "Share of the calls that are copied.", 1),
        Field("max_concurrency", whole(1, 1_000), "Copies under way at once, beyond which none is made.", 10),
    ),
    ShadowLevel,
)

CONFIG = Record(
    "config",
    "Where calls go and how: a provider, or a strategy over targets.",
    (
        *_GROUP_FIELDS,
        *_TARGET_FIELDS,
        Field("shadow", SHADOW, "A target that gets copies of calls, whose answers nobody waits for."),
        Field("$schema", Text(most=2_048), "For editors."),
    ),
    _level,
    rules=_GROUP_RULES,
    others=ProviderSettings(),
    elsewhere=_ELSEWHERE,
)

RECORDS = (CONFIG, TARGET, LEAF, STRATEGY, CONDITION, STICKY, BREAKER, RETRY, CACHE, HEDGE, SHADOW)
"""All objects, the outermost first."""
