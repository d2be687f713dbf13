"""Exchanges: which queues a message reaches, and what becomes of exchanges nobody needs."""

from __future__ import annotations

import datetime
import decimal
import struct
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.names import Names
from harness.rawtable import RawProperties, field, raw_headers


def bound_queue(
    channel: BlockingChannel,
    names: Names,
    exchange: str,
    key: str = "",
    arguments: dict[str, Any] | None = None,
) -> str:
    queue = names.queue()
    channel.queue_declare(queue)
    # An empty key with an empty queue name has a meaning of its own, so the name is always given.
    channel.queue_bind(queue, exchange, key, arguments)
    return queue


def drain(channel: BlockingChannel, queue: str) -> list[bytes]:
    bodies = []
    while (body := channel.basic_get(queue, auto_ack=True)[2]) is not None:
        bodies.append(body)
    return bodies


def exists(channel: BlockingChannel, exchange: str) -> bool:
    asking = channel.connection.channel()
    try:
        asking.exchange_declare(exchange, passive=True)
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == 404, error
        return False
    asking.close()
    return True


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("amq.direct", "direct"),
        ("amq.fanout", "fanout"),
        ("amq.topic", "topic"),
        ("amq.headers", "headers"),
        ("amq.match", "headers"),
    ],
)
def test_system_exchange_is_there_and_may_be_declared_again(
    channel: BlockingChannel, name: str, kind: str
) -> None:
    channel.exchange_declare(name, passive=True)
    channel.exchange_declare(name, kind, durable=True)


def test_default_exchange_reaches_the_queue_of_that_name(
    channel: BlockingChannel, names: Names
) -> None:
    queue = names.queue("订单 queue with spaces & signs #*.")
    channel.queue_declare(queue)
    channel.basic_publish("", queue, b"found")
    channel.basic_publish("", f"{queue}x", b"dropped")
    assert drain(channel, queue) == [b"found"]


def test_direct_compares_whole_keys(channel: BlockingChannel, names: Names) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "direct")
    one = bound_queue(channel, names, exchange, "hare")
    two = bound_queue(channel, names, exchange, "hare")
    channel.queue_bind(two, exchange, "owl")
    for key in ("hare", "owl", "Hare", "har", "hare.x", "#", ""):
        channel.basic_publish(exchange, key, key.encode())
    assert drain(channel, one) == [b"hare"]
    assert drain(channel, two) == [b"hare", b"owl"]


def test_fanout_ignores_keys_and_copies_once_per_queue(
    channel: BlockingChannel, names: Names
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "fanout")
    queue = bound_queue(channel, names, exchange, "a")
    channel.queue_bind(queue, exchange, "b")
    channel.basic_publish(exchange, "c", b"once")
    assert drain(channel, queue) == [b"once"]


TOPICS: list[tuple[str, list[str], list[str]]] = [
    ("hare", ["hare"], ["Hare", "hare.", ".hare", "hare.x", ""]),
    ("*", ["hare", "#", "*"], ["", "a.b", ".", "a."]),
    ("#", ["", "hare", "a.b.c", ".", "..", "*"], []),
    ("", [""], ["hare", "."]),
    ("*.*", ["a.b", ".", "a.", ".b"], ["", "a", "a.b.c"]),
    ("#.hare", ["hare", "a.hare", "a.b.hare", ".hare"], ["hare.a", "", "ahare"]),
    ("hare.#", ["hare", "hare.a", "hare.a.b", "hare."], ["a.hare", "", "harea"]),
    ("a.#.b", ["a.b", "a.x.b", "a.x.y.b", "a..b"], ["a", "b", "a.b.c", ""]),
    ("*.#", ["a", "a.b", "."], [""]),
    ("#.*", ["a", "a.b", "a."], [""]),
    ("#.#", ["", "a", "a.b.c"], []),
    ("#.a.#.a.#", ["a.a", "x.a.y.a.z", "a.a.a"], ["a", "a.b", ""]),
    ("a..b", ["a..b"], ["a.b", "a.x.b"]),
    ("a*.b", ["a*.b"], ["ax.b", "a.b"]),
    ("订单.*", ["订单.新"], ["订单", "订.新"]),
]


@pytest.mark.parametrize(("pattern", "match", "other"), TOPICS, ids=[repr(t[0]) for t in TOPICS])
def test_topic_pattern(
    channel: BlockingChannel, names: Names, pattern: str, match: list[str], other: list[str]
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "topic")
    queue = bound_queue(channel, names, exchange, pattern)
    # Those that must not arrive go first: they would show up between the others.
    for key in other + match:
        channel.basic_publish(exchange, key, f"[{key}]".encode())
    assert drain(channel, queue) == [f"[{key}]".encode() for key in match]


def test_topic_copies_once_per_queue_and_forgets_unbound_patterns(
    channel: BlockingChannel, names: Names
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "topic")
    queue = bound_queue(channel, names, exchange, "a.#")
    channel.queue_bind(queue, exchange, "#.b")
    channel.basic_publish(exchange, "a.b", b"both")
    channel.queue_unbind(queue, exchange, "a.#")
    channel.basic_publish(exchange, "a.c", b"unbound")
    channel.basic_publish(exchange, "x.b", b"still bound")
    assert drain(channel, queue) == [b"both", b"still bound"]


MOMENT = datetime.datetime(2026, 1, 2, tzinfo=datetime.timezone.utc)
# Binding arguments, headers of the message, and whether they match.
HEADERS: list[tuple[str, dict[str, Any], dict[str, Any] | None, bool]] = [
    ("all by default", {"a": 1, "b": "x"}, {"a": 1, "b": "x", "c": 0}, True),
    ("all by default, one missing", {"a": 1, "b": "x"}, {"a": 1}, False),
    ("all", {"x-match": "all", "a": 1, "b": 2}, {"a": 1, "b": 2}, True),
    ("all, one differs", {"x-match": "all", "a": 1, "b": 2}, {"a": 1, "b": 3}, False),
    ("any, one is enough", {"x-match": "any", "a": 1, "b": 2}, {"a": 9, "b": 2}, True),
    ("any, none", {"x-match": "any", "a": 1, "b": 2}, {"a": 9, "c": 2}, False),
    ("any, no headers", {"x-match": "any", "a": 1}, None, False),
    ("all, no headers", {"x-match": "all", "a": 1}, None, False),
    ("all of nothing", {"x-match": "all"}, {"a": 1}, True),
    ("all of nothing, no headers", {}, None, True),
    ("any of nothing", {"x-match": "any"}, {"a": 1}, False),
    ("all ignores x-", {"x-match": "all", "a": 1, "x-b": 2}, {"a": 1}, True),
    ("any ignores x-", {"x-match": "any", "x-b": 2}, {"x-b": 2}, False),
    ("all-with-x", {"x-match": "all-with-x", "a": 1, "x-b": 2}, {"a": 1, "x-b": 2}, True),
    ("all-with-x, missing", {"x-match": "all-with-x", "a": 1, "x-b": 2}, {"a": 1}, False),
    ("any-with-x", {"x-match": "any-with-x", "x-b": 2}, {"x-b": 2}, True),
    ("void means presence", {"a": None}, {"a": "anything"}, True),
    ("void, absent", {"a": None}, {"b": 1}, False),
    ("void, any", {"x-match": "any", "a": None}, {"a": False}, True),
    ("text", {"a": "订单"}, {"a": "订单"}, True),
    ("text, case", {"a": "Hare"}, {"a": "hare"}, False),
    ("text is no number", {"a": "1"}, {"a": 1}, False),
    ("bool", {"a": True}, {"a": True}, True),
    ("bool is no number", {"a": True}, {"a": 1}, False),
    ("width of integers", {"a": 5}, {"a": pika.compat.long(5)}, True),
    ("timestamp", {"a": MOMENT}, {"a": MOMENT}, True),
    ("decimal", {"a": decimal.Decimal("1.5")}, {"a": decimal.Decimal("1.5")}, True),
    ("decimal differs", {"a": decimal.Decimal("1.5")}, {"a": decimal.Decimal("1.4")}, False),
    ("octets", {"a": b"\x00\xff"}, {"a": b"\x00\xff"}, True),
    ("table", {"a": {"b": [1, "x"]}}, {"a": {"b": [1, "x"]}}, True),
    ("table differs", {"a": {"b": [1, "x"]}}, {"a": {"b": [1, "y"]}}, False),
    ("array", {"a": [1, 2]}, {"a": [1, 2]}, True),
    ("array order", {"a": [1, 2]}, {"a": [2, 1]}, False),
    ("case of names", {"A": 1}, {"a": 1}, False),
]


@pytest.mark.parametrize(
    ("arguments", "headers", "matches"),
    [case[1:] for case in HEADERS],
    ids=[case[0].replace(" ", "-") for case in HEADERS],
)
def test_headers_exchange(
    channel: BlockingChannel,
    names: Names,
    arguments: dict[str, Any],
    headers: dict[str, Any] | None,
    matches: bool,
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "headers")
    queue = bound_queue(channel, names, exchange, "key is ignored", arguments)
    channel.basic_publish(exchange, "other", b"hit", pika.BasicProperties(headers=headers))
    assert drain(channel, queue) == ([b"hit"] if matches else [])


@pytest.mark.parametrize(
    ("value", "matches"),
    [
        (struct.pack(">cb", b"b", 1), True),
        (struct.pack(">ch", b"s", 1), True),
        (struct.pack(">cq", b"l", 1), True),
        (struct.pack(">cf", b"f", 1.0), True),
        (struct.pack(">cd", b"d", 1.0), True),
        (struct.pack(">cd", b"d", 1.5), False),
        (b"V", False),
    ],
    ids=["octet", "short", "long", "float", "double", "fraction", "void"],
)
def test_headers_exchange_compares_numbers_by_value(
    channel: BlockingChannel, names: Names, value: bytes, matches: bool
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "headers")
    queue = bound_queue(channel, names, exchange, arguments={"a": 1})
    channel.basic_publish(exchange, "", b"hit", RawProperties(raw_headers(field("a", value))))
    assert drain(channel, queue) == ([b"hit"] if matches else [])


def test_exchange_to_exchange_bindings_chain(channel: BlockingChannel, names: Names) -> None:
    source, middle, end = (names.exchange(label) for label in ("source", "middle", "end"))
    channel.exchange_declare(source, "topic")
    channel.exchange_declare(middle, "fanout", internal=True)
    channel.exchange_declare(end, "direct")
    channel.exchange_bind(middle, source, "hare.#")
    channel.exchange_bind(end, middle)
    queue = bound_queue(channel, names, end, "hare.brown")
    also = bound_queue(channel, names, middle)
    for key in ("hare.brown", "hare.grey", "owl.brown"):
        channel.basic_publish(source, key, key.encode())
    assert drain(channel, queue) == [b"hare.brown"]
    assert drain(channel, also) == [b"hare.brown", b"hare.grey"]
    channel.exchange_unbind(middle, source, "hare.#")
    channel.basic_publish(source, "hare.brown", b"unbound")
    assert drain(channel, queue) == []


def test_ring_of_exchanges_copies_once(channel: BlockingChannel, names: Names) -> None:
    one, two = names.exchange("one"), names.exchange("two")
    for exchange in (one, two):
        channel.exchange_declare(exchange, "fanout")
    channel.exchange_bind(one, two)
    channel.exchange_bind(two, one)
    queue = bound_queue(channel, names, two)
    channel.basic_publish(one, "", b"round")
    assert drain(channel, queue) == [b"round"]


def test_alternate_exchange_gets_what_fits_nowhere(channel: BlockingChannel, names: Names) -> None:
    exchange, spare = names.exchange(), names.exchange("spare")
    channel.exchange_declare(spare, "fanout")
    channel.exchange_declare(exchange, "direct", arguments={"alternate-exchange": spare})
    queue = bound_queue(channel, names, exchange, "known")
    rest = bound_queue(channel, names, spare)
    channel.confirm_delivery()
    # Through the alternate it was routed after all, so nothing is returned.
    for key in ("known", "unknown"):
        channel.basic_publish(exchange, key, key.encode(), mandatory=True)
    assert drain(channel, queue) == [b"known"]
    method, _, body = channel.basic_get(rest, auto_ack=True)
    assert (method.exchange, method.routing_key, body) == (exchange, "unknown", b"unknown")


def test_missing_alternate_exchange_is_no_error(channel: BlockingChannel, names: Names) -> None:
    exchange = names.exchange()
    arguments = {"alternate-exchange": names.exchange("missing")}
    channel.exchange_declare(exchange, "direct", arguments=arguments)
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish(exchange, "nowhere", b"", mandatory=True)


def test_auto_delete_exchange_goes_with_its_last_binding(
    channel: BlockingChannel, names: Names
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "fanout", auto_delete=True)
    assert exists(channel, exchange)
    one, two = (bound_queue(channel, names, exchange) for _ in range(2))
    channel.queue_unbind(one, exchange, "")
    assert exists(channel, exchange)
    channel.queue_delete(two)
    assert not exists(channel, exchange)


def test_deleted_exchange_takes_its_bindings_along(channel: BlockingChannel, names: Names) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "fanout")
    queue = bound_queue(channel, names, exchange)
    channel.exchange_delete(exchange)
    channel.exchange_declare(exchange, "fanout")
    channel.basic_publish(exchange, "", b"unbound")
    assert drain(channel, queue) == []


def test_same_binding_twice_is_one(channel: BlockingChannel, names: Names) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "direct")
    queue = bound_queue(channel, names, exchange, "key")
    channel.queue_bind(queue, exchange, "key")
    # Other arguments make it another binding, which is removed on its own.
    channel.queue_bind(queue, exchange, "key", {"mark": 1})
    channel.queue_unbind(queue, exchange, "key")
    channel.basic_publish(exchange, "key", b"by the marked one")
    channel.queue_unbind(queue, exchange, "key", {"mark": 1})
    channel.basic_publish(exchange, "key", b"unbound")
    assert drain(channel, queue) == [b"by the marked one"]
