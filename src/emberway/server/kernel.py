"""What the kernel knows of a client's socket and asyncio's transports do not tell."""

from __future__ import annotations

import fcntl
import select
import socket
import struct
import termios

_GONE = select.POLLERR | select.POLLHUP


def is_readable(sock: socket.socket) -> bool:
    """Whether bytes, or the client's end, wait to be read."""
    return bool(_events(sock) & select.POLLIN)


def has_hung_up(sock: socket.socket) -> bool:
    """Whether the connection is closed in both directions, as it is once the client has answered us with a reset."""
    return bool(_events(sock) & _GONE)


def unacknowledged(sock: socket.socket) -> int:
    """Bytes that we wrote and the client's kernel has not acknowledged."""
    if sock.fileno() < 0:
        return 0
    return int(struct.unpack("i", fcntl.ioctl(sock.fileno(), termios.TIOCOUTQ, bytes(4)))[0])


def reset_on_close(sock: socket.socket) -> None:
    """Let the next close be a reset, for answers whose end is nothing but the connection's."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def _events(sock: socket.socket) -> int:
    poll = select.poll()
    poll.register(sock.fileno(), select.POLLIN)
    events = poll.poll(0)
    return events[0][1] if events else 0
