"""Every way in which a call can fail, as one tree.

::

    GatewayError
    ├── CallerError                 the client can fix it: the message says what to send instead
    │   ├── InvalidCall             400
    │   │   ├── InvalidConfig       400  a routing config is wrong: the path of the field is in `param`
    │   │   └── NotSupported        400  the provider has no such endpoint
    │   ├── Unauthenticated         401
    │   ├── Forbidden               403
    │   ├── NotFound                404
    │   ├── MethodNotAllowed        405
    │   ├── BodyTimeout             408
    │   ├── Conflict                409  what is there already stands against it
    │   ├── TooLarge                413
    │   ├── TargetTooLong           414
    │   ├── UnsupportedEncoding     415
    │   └── HeadersTooLarge         431
    ├── UpstreamError               the provider gave no usable answer
    │   ├── ConnectFailed           502
    │   ├── UpstreamTimeout         408  (the status that Portkey's clients know for it)
    │   ├── UpstreamBusy            503  every connection that we allow ourselves is in use
    │   ├── BadAnswer               502  the answer breaks HTTP, or the provider's own dialect
    │   └── StreamBroken                 after the first byte: has no status any more
    └── GatewayFault                500  our own bug or a broken part; details go to the log, never to the client
        ├── StorageDown             503  the gateway's database cannot be used
        ├── NotBuilt                501  a part of Portkey's surface that this release does not have
        └── VaultLocked             503  a stored secret cannot be opened

A provider's error *answer* is not an exception: a 429 is data that is relayed as it came. Exceptions are for no answer.
"""

from __future__ import annotations

from typing import ClassVar


class GatewayError(Exception):
    """A call that cannot be answered as asked.

    ``message`` is a whole sentence for the caller, ``param`` names the offending field or header, ``code`` is the
    machine-readable reason, ``retry`` tells clients whether the same call may succeed later.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "gateway_error"
    default_code: ClassVar[str] = "gateway_error"
    retry: ClassVar[bool] = False

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.code = code or self.default_code


class CallerError(GatewayError):
    """The client sent something that cannot be served, and can mend it."""

    status = 400
    type = "invalid_request_error"
    default_code = "invalid_request"


class InvalidCall(CallerError):
    """The call itself is wrong: its JSON, a field, a header, a path."""


class InvalidConfig(InvalidCall):
    """A routing config is wrong; ``param`` is the JSON path of the field, ``$.targets[1].weight``."""

    default_code = "invalid_config"


class NotSupported(InvalidCall):
    """The chosen provider has no such endpoint."""

    default_code = "not_supported_by_provider"


class Unauthenticated(CallerError):
    """No key that we know came with the call, or none for the provider."""

    status = 401
    type = "authentication_error"
    default_code = "invalid_api_key"


class Forbidden(CallerError):
    """The key is good, the action is not allowed."""

    status = 403
    type = "permission_error"
    default_code = "forbidden"


class NotFound(CallerError):
    """No such route or object."""

    status = 404
    type = "not_found_error"
    default_code = "not_found"


class MethodNotAllowed(CallerError):
    """The path exists, under another method."""

    status = 405
    default_code = "method_not_allowed"

    def __init__(self, message: str, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class BodyTimeout(CallerError):
    """The request's body did not arrive in time."""

    status = 408
    default_code = "request_body_timeout"


class Conflict(CallerError):
    """What is stored already stands against it; ``param`` is the field that may be there only once."""

    status = 409
    default_code = "already_exists"


class TooLarge(CallerError):
    """The body is larger than this gateway accepts."""

    status = 413
    default_code = "request_too_large"


class TargetTooLong(CallerError):
    """The request's path and query are longer than this gateway accepts."""

    status = 414
    default_code = "uri_too_long"


class UnsupportedEncoding(CallerError):
    """The body is packed in a way that this gateway does not unpack."""

    status = 415
    default_code = "unsupported_content_encoding"


class HeadersTooLarge(CallerError):
    """Too many or too large headers."""

    status = 431
    default_code = "headers_too_large"


class UpstreamError(GatewayError):
    """The provider gave no usable answer."""

    status = 502
    type = "upstream_error"
    default_code = "upstream_error"
    retry = True


class ConnectFailed(UpstreamError):
    """No connection could be made: name resolution, TCP or TLS."""

    default_code = "upstream_unreachable"


class UpstreamTimeout(UpstreamError):
    """A deadline passed before the answer was whole."""

    status = 408
    type = "timeout_error"
    default_code = "upstream_timeout"


class UpstreamBusy(UpstreamError):
    """Every connection that we allow ourselves to this origin is in use."""

    status = 503
    default_code = "upstream_busy"


class BadAnswer(UpstreamError):
    """What came back is not HTTP, not whole, or not what the provider's dialect promises."""

    default_code = "upstream_invalid"


class StreamBroken(UpstreamError):
    """The answer ended early after its first bytes were already passed on."""

    default_code = "upstream_closed"


class GatewayFault(GatewayError):
    """A fault of our own; the client gets a reference, the log gets the details."""


class StorageDown(GatewayFault):
    """The gateway's database cannot be reached, or is busy for too long; ``__cause__`` says for the log why."""

    status = 503
    default_code = "storage_down"
    retry = True


class NotBuilt(GatewayFault):
    """A part of the protocol that this release does not have."""

    status = 501
    type = "not_implemented_error"
    default_code = "not_built"


class VaultLocked(GatewayFault):
    """A stored secret cannot be opened: its master key is not there, or its record is not as it was sealed.

    Which of the two is never told; ``about`` says for the log which secret, and under which master key.
    """

    status = 503
    default_code = "vault_locked"

    def __init__(self, about: str) -> None:
        super().__init__("A stored secret that this call needs cannot be opened. The gateway's log names it.")
        self.about = about
