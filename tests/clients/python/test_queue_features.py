"""What arguments of queues and consumers do: who is served, in which order, and how a queue refuses."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.names import Names
from harness.refusals import Connect
from harness.waiting import pump_until


def declare(channel: BlockingChannel, names: Names, **arguments: Any) -> str:
    queue = names.queue()
    named = {"x-" + key.replace("_", "-"): value for key, value in arguments.items()}
    channel.queue_declare(queue, arguments=named, durable="x-queue-type" in named)
    return queue


def drain(channel: BlockingChannel, queue: str, count: int) -> list[bytes]:
    bodies: list[bytes] = []
    for _, _, body in channel.consume(queue, auto_ack=True):
        bodies.append(body)
        if len(bodies) == count:
            break
    channel.cancel()
    return bodies


def listen(channel: BlockingChannel, queue: str, **options: Any) -> list[bytes]:
    """Consumes without acknowledgements; the list fills while the connection works."""
    heard: list[bytes] = []
    channel.basic_consume(queue, lambda *delivery: heard.append(delivery[3]), **options)
    return heard


def test_higher_priorities_come_first_and_equals_in_order(
    channel: BlockingChannel, names: Names
) -> None:
    queue = declare(channel, names, max_priority=5)
    for body, priority in ((b"low", 1), (b"none", None), (b"high", 5), (b"above", 200), (b"2", 1)):
        channel.basic_publish("", queue, body, pika.BasicProperties(priority=priority))
    assert drain(channel, queue, 5) == [b"high", b"above", b"low", b"2", b"none"]


def test_a_single_active_consumer_is_followed_by_the_next(connect: Connect, names: Names) -> None:
    first, second = connect(), connect()
    one, two = first.channel(), second.channel()
    queue = declare(one, names, single_active_consumer=True)
    heard = [listen(one, queue, auto_ack=True), listen(two, queue, auto_ack=True)]
    two.basic_publish("", queue, b"1")
    pump_until(first, lambda: heard[0], "the first message")
    first.close()
    two.basic_publish("", queue, b"2")
    pump_until(second, lambda: heard[1], "the second message")
    assert heard == [[b"1"], [b"2"]]


def test_a_single_active_queue_refuses_exclusive_consumers(
    connect: Connect, names: Names
) -> None:
    channel = connect().channel()
    queue = declare(channel, names, single_active_consumer=True)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        channel.basic_consume(queue, lambda *_: None, exclusive=True)
    assert caught.value.reply_code == 403, caught.value


def test_a_consumer_of_higher_priority_is_served_first(connect: Connect, names: Names) -> None:
    connection = connect()
    low, high = connection.channel(), connection.channel()
    queue = declare(low, names)
    high.basic_qos(prefetch_count=1)
    heard_low = listen(low, queue)
    heard_high = listen(high, queue, arguments={"x-priority": 10})
    for body in (b"1", b"2", b"3"):
        low.basic_publish("", queue, body)
    pump_until(connection, lambda: len(heard_low) + len(heard_high) == 3, "three messages")
    assert (heard_high, heard_low) == ([b"1"], [b"2", b"3"])


def test_a_queue_that_nobody_uses_ends(connect: Connect, names: Names) -> None:
    connection = connect()
    queue = declare(connection.channel(), names, expires=20)

    def is_gone() -> bool:
        # The question itself is a use of the queue, so it is asked seldom enough.
        connection.process_data_events(time_limit=0.1)
        asking = connection.channel()
        try:
            asking.queue_declare(queue, passive=True)
        except pika.exceptions.ChannelClosedByBroker as error:
            return error.reply_code == 404
        asking.close()
        return False

    pump_until(connection, is_gone, "the end of the queue")


def test_a_full_queue_refuses_with_a_nack(channel: BlockingChannel, names: Names) -> None:
    queue = declare(channel, names, max_length=1, overflow="reject-publish")
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"1")
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", queue, b"2")
    assert drain(channel, queue, 1) == [b"1"]
    channel.basic_publish("", queue, b"3")
    assert drain(channel, queue, 1) == [b"3"]


def test_a_length_in_bytes_drops_the_oldest(channel: BlockingChannel, names: Names) -> None:
    queue = declare(channel, names, max_length_bytes=4_000)
    for body in (b"1" * 1_500, b"2" * 1_500, b"3" * 1_500):
        channel.basic_publish("", queue, body)
    assert [body[:1] for body in drain(channel, queue, 2)] == [b"2", b"3"]


def test_a_message_that_keeps_failing_leaves_a_quorum_queue(
    channel: BlockingChannel, names: Names
) -> None:
    dead = declare(channel, names)
    target = {"dead_letter_exchange": "", "dead_letter_routing_key": dead}
    queue = declare(channel, names, queue_type="quorum", delivery_limit=2, **target)
    channel.basic_publish("", queue, b"poison")
    counts: list[int | None] = []
    for method, properties, _ in channel.consume(queue):
        counts.append((properties.headers or {}).get("x-delivery-count"))
        channel.basic_reject(method.delivery_tag, requeue=True)
        if len(counts) == 3:
            break
    channel.cancel()
    assert counts == [None, 1, 2]
    for _, properties, _ in channel.consume(dead, auto_ack=True):
        assert properties.headers["x-first-death-reason"] == "delivery_limit"
        break
    channel.cancel()


def test_a_failed_attempt_waits_longer_each_time(channel: BlockingChannel, names: Names) -> None:
    retry = {"delayed_retry_type": "all", "delayed_retry_min": 20, "delayed_retry_max": 30}
    queue = declare(channel, names, **retry)
    channel.basic_publish("", queue, b"again")
    attempts = 0
    for method, _, _ in channel.consume(queue):
        attempts += 1
        if attempts == 3:
            channel.basic_ack(method.delivery_tag)
            break
        channel.basic_reject(method.delivery_tag, requeue=True)
        # It waits, so it is not there at once.
        assert channel.queue_declare(queue, passive=True).method.message_count == 0
    channel.cancel()


def test_a_late_consumer_is_cancelled_and_its_channel_goes_on(
    connect: Connect, names: Names
) -> None:
    connection = connect()
    channel = connection.channel()
    cancelled: list[str] = []
    channel.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    queue = declare(channel, names, consumer_timeout=20)
    channel.basic_publish("", queue, b"slow")
    tag = channel.basic_consume(queue, lambda *_: None)
    pump_until(connection, lambda: cancelled, "the cancellation")
    assert (cancelled, channel.is_open) == ([tag], True)
    assert drain(channel, queue, 1) == [b"slow"]


def test_dead_letters_of_a_quorum_queue_wait_for_their_place(
    channel: BlockingChannel, names: Names
) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "fanout")
    queue = declare(
        channel,
        names,
        queue_type="quorum",
        dead_letter_exchange=exchange,
        dead_letter_strategy="at-least-once",
        overflow="reject-publish",
    )
    channel.basic_publish("", queue, b"kept")
    method, _, _ = channel.basic_get(queue)
    channel.basic_reject(method.delivery_tag, requeue=False)
    # Nobody is bound when it is rejected: it stays until somebody is.
    dead = declare(channel, names)
    channel.queue_bind(dead, exchange)
    assert drain(channel, dead, 1) == [b"kept"]
