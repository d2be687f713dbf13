"""Field tables octet by octet: pika cannot write every type and loses some when it reads them."""

from __future__ import annotations

import struct
from typing import Any

import pika
import pytest
from pika import spec

HEADERS_FLAG = 1 << 13


def field(name: str, value: bytes) -> bytes:
    """One entry of a table; `value` is the type octet and what follows it."""
    encoded = name.encode()
    return struct.pack(">B", len(encoded)) + encoded + value


def table(*fields: bytes) -> bytes:
    """A whole table with its length."""
    entries = b"".join(fields)
    return struct.pack(">I", len(entries)) + entries


def long_string(text: bytes, kind: bytes = b"S") -> bytes:
    return kind + struct.pack(">I", len(text)) + text


def array(*values: bytes) -> bytes:
    items = b"".join(values)
    return b"A" + struct.pack(">I", len(items)) + items


# Every field type that RabbitMQ knows, with a value or two at the edge.
FIELD_TYPES: dict[str, bytes] = {
    "true": b"t\x01",
    "false": b"t\x00",
    "signed octet": struct.pack(">cb", b"b", -128),
    "unsigned octet": struct.pack(">cB", b"B", 255),
    "signed short": struct.pack(">ch", b"s", -32768),
    "unsigned short": struct.pack(">cH", b"u", 65535),
    "signed int": struct.pack(">ci", b"I", -(2**31)),
    "unsigned int": struct.pack(">cI", b"i", 2**32 - 1),
    "signed long": struct.pack(">cq", b"l", -(2**63)),
    "largest signed long": struct.pack(">cq", b"l", 2**63 - 1),
    "float": struct.pack(">cf", b"f", 1.5),
    "double": struct.pack(">cd", b"d", -0.1),
    "decimal": struct.pack(">cBI", b"D", 2, 31415),
    "string": long_string(b"hare"),
    "empty string": long_string(b""),
    "utf-8 string": long_string("订单 🐇".encode()),
    "string that is no utf-8": long_string(b"\xff\xfe\x00\x80"),
    "octets": long_string(bytes(range(256)), b"x"),
    "timestamp": struct.pack(">cQ", b"T", 2**32 + 1),
    "void": b"V",
    "empty table": b"F" + table(),
    "table": b"F" + table(field("inner", b"t\x01"), field("other", long_string(b"x"))),
    "empty array": array(),
    "array": array(b"t\x00", long_string(b"mixed"), b"V", struct.pack(">ci", b"I", 7)),
    "deep nesting": array(b"F" + table(field("a", array(b"F" + table(field("b", array())))))),
}


class RawProperties(pika.BasicProperties):
    """Properties that go out exactly as given."""

    def __init__(self, encoded: bytes) -> None:
        super().__init__()
        self._encoded = encoded

    def encode(self) -> list[bytes]:
        return [self._encoded]


def raw_headers(*fields: bytes) -> bytes:
    """The properties of a message that has headers and nothing else."""
    return struct.pack(">H", HEADERS_FLAG) + table(*fields)


def keep_raw_properties(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on received properties carry the octets they came from as `raw`."""
    decode = spec.BasicProperties.decode

    def decode_and_keep(properties: Any, encoded: bytes, offset: int = 0) -> Any:
        properties.raw = encoded[offset:]
        return decode(properties, encoded, offset)

    monkeypatch.setattr(spec.BasicProperties, "decode", decode_and_keep)
