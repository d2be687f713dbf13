"""What a message is made of comes out as it went in: properties, header tables, bodies."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from harness.closes import Close, CloseRecorder
from harness.names import Names
from harness.rawtable import (
    FIELD_TYPES,
    RawProperties,
    field,
    keep_raw_properties,
    raw_headers,
)
from harness.refusals import Connect, pump_until_closed

FRAME_OVERHEAD = 8
ALL_PROPERTIES: dict[str, Any] = {
    "content_type": "text/plain; charset=utf-8",
    "content_encoding": "gzip",
    "headers": {"burrow": "deep"},
    "delivery_mode": 2,
    "priority": 7,
    "correlation_id": "订单-1",
    "reply_to": "answers",
    "expiration": "3600000",
    "message_id": "m" * 255,
    "timestamp": 1_700_000_000,
    "type": "order",
    "user_id": "guest",
    "app_id": "shop",
    "cluster_id": "obsolete",
}
ABSENT = dict.fromkeys(ALL_PROPERTIES)


@pytest.fixture
def queue(channel: BlockingChannel, names: Names) -> str:
    name = names.queue()
    channel.queue_declare(name)
    return name


def round_trip(
    channel: BlockingChannel, queue: str, properties: pika.BasicProperties, body: bytes = b""
) -> pika.BasicProperties:
    channel.basic_publish("", queue, body, properties)
    method, received, got = channel.basic_get(queue, auto_ack=True)
    assert method is not None, "the message did not arrive"
    assert got == body
    return received


def values(properties: pika.BasicProperties) -> dict[str, Any]:
    return {name: getattr(properties, name) for name in ALL_PROPERTIES}


@pytest.mark.parametrize("name", ALL_PROPERTIES)
def test_property_alone_survives(channel: BlockingChannel, queue: str, name: str) -> None:
    only = {name: ALL_PROPERTIES[name]}
    received = round_trip(channel, queue, pika.BasicProperties(**only))
    assert values(received) == ABSENT | only


def test_all_properties_survive_together(channel: BlockingChannel, queue: str) -> None:
    received = round_trip(channel, queue, pika.BasicProperties(**ALL_PROPERTIES), b"body")
    assert values(received) == ALL_PROPERTIES


def test_message_without_properties_has_none(channel: BlockingChannel, queue: str) -> None:
    assert values(round_trip(channel, queue, pika.BasicProperties())) == ABSENT


@pytest.mark.parametrize("extreme", [0, 2**63], ids=["zero", "beyond-signed"])
def test_timestamp_is_an_unsigned_long(channel: BlockingChannel, queue: str, extreme: int) -> None:
    received = round_trip(channel, queue, pika.BasicProperties(timestamp=extreme))
    assert received.timestamp == extreme


@pytest.mark.parametrize("priority", [0, 9, 255])
def test_priority_is_kept_though_the_queue_has_none(
    channel: BlockingChannel, queue: str, priority: int
) -> None:
    received = round_trip(channel, queue, pika.BasicProperties(priority=priority))
    assert received.priority == priority


@pytest.mark.parametrize("kind", FIELD_TYPES)
def test_header_field_survives_octet_by_octet(
    channel: BlockingChannel, queue: str, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    keep_raw_properties(monkeypatch)
    sent = raw_headers(field(kind, FIELD_TYPES[kind]))
    assert round_trip(channel, queue, RawProperties(sent)).raw == sent


def test_header_fields_keep_their_order_octet_by_octet(
    channel: BlockingChannel, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_raw_properties(monkeypatch)
    forward = [field(kind, value) for kind, value in FIELD_TYPES.items()]
    for fields in (forward, forward[::-1]):
        sent = raw_headers(*fields)
        assert round_trip(channel, queue, RawProperties(sent)).raw == sent


def test_headers_as_pika_writes_them_are_read_back_equal(
    channel: BlockingChannel, queue: str
) -> None:
    headers = {
        "text": "hare",
        "octets": b"\x00\xff",
        "yes": True,
        "no": False,
        "int": -7,
        "long": 2**40,
        "decimal": decimal.Decimal("3.14"),
        "time": datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc),
        "nothing": None,
        "table": {"inner": {"deeper": [1, "two", None, {"three": 3}]}},
        "array": [True, 1, "x", [], {}],
        "": "empty name",
        "n" * 255: "longest name",
        "订单": "一壶茶",
    }
    assert round_trip(channel, queue, pika.BasicProperties(headers=headers)).headers == headers


def test_large_headers_survive(channel: BlockingChannel, queue: str) -> None:
    headers = {f"header-{number}": "v" * 100 for number in range(500)}
    assert round_trip(channel, queue, pika.BasicProperties(headers=headers)).headers == headers


@pytest.mark.parametrize("frame_max", [4096, 131072])
@pytest.mark.parametrize("frames", [1, 2])
@pytest.mark.parametrize("step", [-1, 0, 1])
def test_body_at_the_edge_of_a_frame_survives(
    connect: Connect, names: Names, frame_max: int, frames: int, step: int
) -> None:
    channel = connect(frame_max=frame_max).channel()
    queue = names.queue()
    channel.queue_declare(queue)
    octets = frames * (frame_max - FRAME_OVERHEAD) + step
    body = (bytes(range(251)) * (octets // 251 + 1))[:octets]
    round_trip(channel, queue, pika.BasicProperties(), body)


@pytest.mark.parametrize("octets", [0, 1, 255, 256, 65_535, 5 * 1024 * 1024])
def test_body_survives(channel: BlockingChannel, queue: str, octets: int) -> None:
    body = (bytes(range(251)) * (octets // 251 + 1))[:octets]
    round_trip(channel, queue, pika.BasicProperties(delivery_mode=2), body)


def test_broker_splits_bodies_for_the_reader_not_the_writer(
    connect: Connect, names: Names, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = connect(frame_max=131072).channel()
    queue = names.queue()
    writer.queue_declare(queue)
    writer.basic_publish("", queue, b"h" * 100_000)
    seen: list[int] = []
    decode = pika.frame.decode_frame

    def decode_and_measure(data: bytes) -> Any:
        used, frame = decode(data)
        if isinstance(frame, pika.frame.Body):
            seen.append(used)
        return used, frame

    monkeypatch.setattr(pika.frame, "decode_frame", decode_and_measure)
    reader = connect(frame_max=4096).channel()
    # The queue may not have the message yet: the writer's connection is another one.
    for _, _, body in reader.consume(queue, auto_ack=True):
        assert body == b"h" * 100_000
        break
    assert max(seen) <= 4096
    assert sum(seen) == 100_000 + len(seen) * FRAME_OVERHEAD


def test_routing_key_of_255_octets_survives(channel: BlockingChannel, names: Names) -> None:
    queue, key = names.queue(), "k" * 255
    channel.queue_declare(queue)
    channel.queue_bind(queue, "amq.direct", key)
    channel.basic_publish("amq.direct", key, b"")
    method, _, _ = channel.basic_get(queue, auto_ack=True)
    assert (method.exchange, method.routing_key) == ("amq.direct", key)


@pytest.mark.parametrize("key", [b"\xff\xfe", b"a\x00b", b"\r\n"])
def test_routing_key_of_a_message_may_be_any_octets(
    channel: BlockingChannel, names: Names, key: bytes
) -> None:
    queue, exchange = names.queue(), names.exchange()
    channel.queue_declare(queue)
    channel.exchange_declare(exchange, "fanout")
    channel.queue_bind(queue, exchange)
    # pika wants text here; its wire layer writes octets as they are.
    method = spec.Basic.Publish(exchange=exchange, routing_key=key)  # type: ignore[arg-type]
    channel._impl._send_method(method, (pika.BasicProperties(), b"binary"))
    got, _, body = channel.basic_get(queue, auto_ack=True)
    assert as_bytes(got.routing_key) == key
    assert body == b"binary"


@pytest.mark.parametrize(
    "method",
    [
        lambda queue: spec.Queue.Declare(queue=b"\xff", nowait=True),
        lambda queue: spec.Basic.Consume(queue=queue, consumer_tag=b"\xff", nowait=True),
    ],
    ids=["queue-name", "consumer-tag"],
)
def test_names_must_be_utf8(
    connect: Connect, names: Names, closes: CloseRecorder, method: Callable[[str], Any]
) -> None:
    connection = connect()
    channel = connection.channel()
    queue = names.queue()
    channel.queue_declare(queue)
    channel._impl._send_method(method(queue))
    pump_until_closed(connection)
    assert closes.seen == [
        Close("connection", 501, "FRAME_ERROR - Malformed UTF-8 in shortstr", (0, 0))
    ]


def test_property_text_may_be_any_octets(channel: BlockingChannel, queue: str) -> None:
    received = round_trip(channel, queue, pika.BasicProperties(message_id=b"\xff\x00\xfe"))
    assert received.message_id == b"\xff\x00\xfe"


def as_bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text
