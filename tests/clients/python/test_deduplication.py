"""Duplicates that exchanges and queues drop, as the community plug-in and LavinMQ do it."""

from __future__ import annotations

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.broker import Broker
from harness.names import Names


@pytest.fixture(autouse=True)
def _not_the_oracle(broker: Broker) -> None:
    if broker.is_oracle:
        pytest.skip("RabbitMQ needs the community plug-in for this")


def keyed(key: object) -> pika.BasicProperties:
    return pika.BasicProperties(headers={"x-deduplication-header": key})


def count(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def test_an_exchange_passes_each_key_once(channel: BlockingChannel, names: Names) -> None:
    exchange, queue = names.exchange(), names.queue()
    # The plug-in's own example gives the size as text.
    arguments = {"x-cache-size": "5"}
    channel.exchange_declare(exchange, "x-message-deduplication", arguments=arguments)
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange)
    channel.confirm_delivery()
    for key in ["one", "two", "one", 1, 1, True]:
        channel.basic_publish(exchange, "", b"m", keyed(key))
    assert count(channel, queue) == 4
    with pytest.raises(pika.exceptions.UnroutableError):
        channel.basic_publish(exchange, "", b"m", keyed("one"), mandatory=True)
    assert count(channel, queue) == 4


def test_a_queue_takes_a_key_again_after_the_ack(channel: BlockingChannel, names: Names) -> None:
    queue = names.queue()
    channel.queue_declare(queue, arguments={"x-message-deduplication": True})
    channel.confirm_delivery()
    for _ in range(3):
        channel.basic_publish("", queue, b"m", keyed("job 7"))
    assert count(channel, queue) == 1
    method, _, _ = channel.basic_get(queue)
    channel.basic_nack(method.delivery_tag, requeue=True)
    assert count(channel, queue) == 1
    method, _, _ = channel.basic_get(queue)
    assert method.redelivered
    channel.basic_ack(method.delivery_tag)
    channel.basic_publish("", queue, b"m", keyed("job 7"))
    assert count(channel, queue) == 1


def test_a_queue_with_a_window_remembers_what_was_acked(
    channel: BlockingChannel, names: Names
) -> None:
    queue = names.queue()
    arguments = {"x-message-deduplication": True, "x-cache-size": 2}
    channel.queue_declare(queue, arguments=arguments)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"m", keyed("a"))
    channel.basic_get(queue, auto_ack=True)
    for key in ["a", "b", "c", "a"]:
        channel.basic_publish("", queue, key.encode(), keyed(key))
    assert count(channel, queue) == 3
