"""The clock, virtual hosts, snapshots and faults of the real broker."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import NackError

from haremq import ApiError, Broker, Vhost

MINUTES_MS = 60_000
HOPS = 3


@contextmanager
def channel_to(uri: str) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(uri)) as connection:
        yield connection.channel()


def declare_retry_chain(channel: BlockingChannel) -> None:
    """Ten minutes in each of three queues, and then back to work."""
    channel.queue_declare("work")
    for hop in range(HOPS):
        after = f"retry-{hop + 1}" if hop + 1 < HOPS else "work"
        arguments = {
            "x-message-ttl": 10 * MINUTES_MS,
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": after,
        }
        channel.queue_declare(f"retry-{hop}", arguments=arguments)


def test_a_retry_chain_of_thirty_minutes_is_over_in_no_time(haremq_own: Broker) -> None:
    with channel_to(haremq_own.uri) as channel:
        declare_retry_chain(channel)
        channel.confirm_delivery()
        began = time.perf_counter()
        channel.basic_publish("", "retry-0", b"order 1")
        haremq_own.advance(timedelta(minutes=29))
        assert channel.basic_get("work")[0] is None
        haremq_own.advance(timedelta(minutes=1))
        method, properties, body = channel.basic_get("work", auto_ack=True)
        took_ms = (time.perf_counter() - began) * 1000
    assert method is not None
    assert body == b"order 1"
    assert [(death["queue"], death["count"]) for death in properties.headers["x-death"]] == [
        ("retry-2", 1),
        ("retry-1", 1),
        ("retry-0", 1),
    ]
    print(f"thirty minutes took {took_ms:.1f} ms")


def test_a_frozen_clock_moves_by_what_it_is_advanced(haremq_own: Broker) -> None:
    before = haremq_own.freeze()
    assert before.frozen
    haremq_own.advance(1.5)
    after = haremq_own.clock()
    assert after.now_ms - before.now_ms == 1500
    assert after.unix_ms - before.unix_ms == 1500
    assert after.advanced_ms - before.advanced_ms == 1500
    assert not haremq_own.resume().frozen


def test_a_vhost_has_a_user_of_its_own_and_ends_with_its_connections(haremq: Broker) -> None:
    with haremq.vhost() as one, haremq.vhost() as other:
        with channel_to(one.uri) as channel:
            channel.queue_declare("orders")
        with channel_to(other.uri) as channel:
            channel.queue_declare("orders", passive=False, arguments={"x-max-length": 1})
        connection = pika.BlockingConnection(pika.URLParameters(one.uri))
        one.delete()
        with pytest.raises(pika.exceptions.ConnectionClosed):
            connection.process_data_events(time_limit=10)
        with pytest.raises(ApiError, match="404"):
            one.delete()
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(other.uri))


def test_a_name_may_have_any_characters(haremq: Broker) -> None:
    with haremq.vhost("a/b c%2F订单") as vhost, channel_to(vhost.uri) as channel:
        channel.queue_declare("q")
        assert list(vhost.contents().queues) == ["q"]


def test_contents_show_what_is_there_and_change_nothing(haremq_vhost: Vhost) -> None:
    with channel_to(haremq_vhost.uri) as channel:
        arguments = {"x-message-ttl": MINUTES_MS}
        channel.queue_declare("orders", durable=True, arguments=arguments)
        channel.queue_bind("orders", "amq.topic", "order.#")
        channel.confirm_delivery()
        for body in (b"one", b"two", b"\xff\x00", b""):
            properties = pika.BasicProperties(content_type="a/b", headers={"n": len(body)})
            channel.basic_publish("amq.topic", "order.1", body, properties)
        channel.basic_get("orders")
        for _ in range(2):
            contents = haremq_vhost.contents()
            orders = contents.queues["orders"]
            assert (orders.ready, orders.unacked, orders.durable) == (3, 1, True)
            assert orders.bodies == [b"two", b"\xff\x00", b""]
            assert [message.body for message in orders.unacked_messages] == [b"one"]
        assert orders.arguments == arguments
        assert len(contents.connections) == 1
    waiting = orders.messages[1]
    assert (waiting.exchange, waiting.routing_key, waiting.size) == ("amq.topic", "order.1", 2)
    assert (waiting.properties, waiting.headers) == ({"content_type": "a/b"}, {"n": 2})
    assert waiting.expires_in_ms is not None
    assert 0 < waiting.expires_in_ms <= MINUTES_MS
    assert not waiting.redelivered
    assert contents.exchanges["amq.topic"]["type"] == "topic"
    assert "order.#" in [binding["routing_key"] for binding in contents.bindings]


def test_a_rollback_brings_back_what_was_there(haremq_vhost: Vhost) -> None:
    with channel_to(haremq_vhost.uri) as channel:
        channel.queue_declare("orders")
        channel.confirm_delivery()
        channel.basic_publish("", "orders", b"one")
        with haremq_vhost.snapshot() as snapshot:
            assert (snapshot.queues, snapshot.messages) == (1, 1)
            assert channel.basic_get("orders", auto_ack=True)[2] == b"one"
            channel.queue_declare("more")
        assert channel.basic_get("orders", auto_ack=True)[2] == b"one"
        with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
            channel.queue_declare("more", passive=True)


def test_every_third_publish_is_refused_and_others_do_not_see_it(haremq: Broker) -> None:
    with haremq.vhost() as vhost, haremq.vhost() as other:
        fault = vhost.faults.add("nack", every=3)
        with channel_to(vhost.uri) as channel, channel_to(other.uri) as unharmed:
            refused = 0
            for each in (channel, unharmed):
                each.queue_declare("orders")
                each.confirm_delivery()
            for _ in range(6):
                unharmed.basic_publish("", "orders", b"m")
                try:
                    channel.basic_publish("", "orders", b"m")
                except NackError:
                    refused += 1
            assert refused == 2
            assert fault.hits() == 2
            fault.remove()
            channel.basic_publish("", "orders", b"m")
        assert list(vhost.faults.list()) == []


def test_a_channel_is_closed_with_the_code_that_is_wished(haremq_vhost: Vhost) -> None:
    with (
        channel_to(haremq_vhost.uri) as channel,
        haremq_vhost.faults.add("channel_close", code=406, text="on order", on="declare"),
        pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed,
    ):
        channel.queue_declare("orders")
    assert closed.value.reply_code == 406
    assert "on order" in closed.value.reply_text
    assert list(haremq_vhost.faults.list()) == []


def test_an_unknown_fault_is_refused_by_the_broker(haremq_vhost: Vhost) -> None:
    with pytest.raises(ApiError, match="400"):
        haremq_vhost.faults.add("explode")  # type: ignore[arg-type]
