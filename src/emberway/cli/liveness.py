"""Whether a gateway answers, and under which address a program on this machine asks it."""

from __future__ import annotations

import socket


def answers(host: str, port: int) -> bool:
    """Whether something there speaks HTTP and calls itself alive."""
    # A socket and a line: http.client would double what the supervisor keeps in memory for this one question.
    try:
        with socket.create_connection((host, port), timeout=2.0) as connection:
            connection.sendall(b"GET /livez HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            return connection.recv(12) == b"HTTP/1.1 200"
    except OSError:
        return False


def reachable(host: str) -> str:
    """Where a program on this machine finds what listens on ``host``."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - compared, not bound


def url_of(host: str, port: int) -> str:
    """The address for people and clients, without a path."""
    name = reachable(host)
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"
