"""AMQP 0-9-1 as bytes, for peers that do not keep to it."""

from __future__ import annotations

import socket
import struct

HEADER = b"AMQP\x00\x00\x09\x01"
CLOSES = {b"\x00\x0a\x00\x32": "connection.close", b"\x00\x14\x00\x28": "channel.close"}


def frame(kind: int, channel: int, payload: bytes) -> bytes:
    return struct.pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def short(text: str | bytes) -> bytes:
    data = text.encode() if isinstance(text, str) else text
    return bytes([len(data)]) + data


def long(data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + data


def method(channel: int, class_id: int, method_id: int, arguments: bytes = b"") -> bytes:
    return frame(1, channel, struct.pack(">HH", class_id, method_id) + arguments)


def start_ok(user: str = "guest", password: str = "guest") -> bytes:
    capabilities = short("authentication_failure_close") + b"t\x01"
    properties = short("capabilities") + b"F" + long(capabilities)
    login = f"\0{user}\0{password}".encode()
    return method(0, 10, 11, long(properties) + short("PLAIN") + long(login) + short("en_US"))


def tune_ok(channel_max: int = 2047, frame_max: int = 131072) -> bytes:
    return method(0, 10, 31, struct.pack(">HIH", channel_max, frame_max, 0))


OPEN = method(0, 10, 40, short("/") + b"\0\0")


def channel_open(channel: int) -> bytes:
    return method(channel, 20, 10, b"\0")


def declare(queue: str, flags: int = 0, table: bytes = b"") -> bytes:
    return method(1, 50, 10, b"\0\0" + short(queue) + bytes([flags]) + long(table))


def delete(queue: str, flags: int = 4) -> bytes:
    return method(1, 50, 40, b"\0\0" + short(queue) + bytes([flags]))


def declare_exchange(name: str, kind: str, flags: int = 0) -> bytes:
    return method(1, 40, 10, b"\0\0" + short(name) + short(kind) + bytes([flags]) + long(b""))


def bind(queue: str, exchange: str, key: str, table: bytes = b"", flags: int = 1) -> bytes:
    return method(1, 50, 20, b"\0\0" + short(queue) + short(exchange) + short(key) + bytes([flags]) + long(table))


def consume(queue: str, tag: str, flags: int = 0) -> bytes:
    return method(1, 60, 20, b"\0\0" + short(queue) + short(tag) + bytes([flags]) + long(b""))


def publish(exchange: str, key: str, body: bytes, properties: bytes = b"\0\0", flags: int = 0, piece: int = 131064) -> bytes:
    parts = [method(1, 60, 40, b"\0\0" + short(exchange) + short(key) + bytes([flags]))]
    parts.append(frame(2, 1, struct.pack(">HHQ", 60, 0, len(body)) + properties))
    parts += [frame(3, 1, body[at : at + piece]) for at in range(0, len(body), piece)]
    return b"".join(parts)


def nested(levels: int) -> bytes:
    return b"".join(b"\x01kF" + struct.pack(">I", 7 * (levels - level)) for level in range(1, levels + 1))


class Peer:
    """A connection that does what it is told, and reads when it is told to."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = bytearray()

    @classmethod
    def opened(cls, port: int, **tune: int) -> Peer:
        """Logged in, with channel 1; the answers are not looked at."""
        peer = cls(port)
        peer.send(HEADER + start_ok() + tune_ok(**tune) + OPEN + channel_open(1))
        peer.until(b"\x00\x14\x00\x0b")
        return peer

    def send(self, data: bytes) -> None:
        # In parts, as a network brings them: the system does not interrupt a call, whoever else waits for the processor.
        for at in range(0, len(data), 65_536):
            self.socket.sendall(data[at : at + 65_536])

    def next(self) -> tuple[int, int, bytes] | None:
        """Type, channel and payload; None at the end."""
        while True:
            if len(self.unread) >= 7:
                kind, channel, size = struct.unpack_from(">BHI", self.unread)
                if len(self.unread) >= size + 8:
                    payload = bytes(self.unread[7 : 7 + size])
                    del self.unread[: size + 8]
                    return kind, channel, payload
            try:
                data = self.socket.recv(262144)
            except ConnectionResetError:
                return None
            if not data:
                return None
            self.unread += data

    def until(self, wanted: bytes) -> bytes:
        """The first method that begins like this."""
        while (got := self.next()) is not None:
            if got[0] == 1 and got[2].startswith(wanted):
                return got[2]
            if got[0] == 1 and got[2][:4] in CLOSES:
                raise ConnectionError(reason(got[2]))
        raise ConnectionError("the connection ended")

    def settled(self) -> None:
        """Everything before this was worked off: a question that nobody else asks was answered."""
        self.send(method(1, 60, 10, b"\0\0\0\0\0\0\0"))
        self.until(b"\x00\x3c\x00\x0b")

    def refusal(self) -> str:
        """What the peer is told at its end."""
        try:
            while (got := self.next()) is not None:
                if got[0] == 1 and got[2][:4] in CLOSES:
                    return reason(got[2])
        except OSError as error:
            return f"nothing ({error})"
        return "the end, without a word"

    def close(self) -> None:
        self.socket.close()


def reason(payload: bytes) -> str:
    (code,) = struct.unpack_from(">H", payload, 4)
    return f"{code} {payload[7 : 7 + payload[6]].decode()}"
