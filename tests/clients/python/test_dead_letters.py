"""Messages that a queue gives up: time to live, length limits, dead letters and their history."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from harness.broker import Broker
from harness.names import Names

Message = tuple[Any, spec.BasicProperties, bytes]


def next_message(channel: BlockingChannel, queue: str) -> Message:
    """Waits for one message; the guard of every test ends a wait that is in vain."""
    for method, properties, body in channel.consume(queue, auto_ack=True):
        channel.cancel()
        return method, properties, body
    raise AssertionError("the consumer ended")


def declare_with_dead_letters(
    channel: BlockingChannel, names: Names, **arguments: Any
) -> tuple[str, str]:
    dead, queue = names.queue(), names.queue()
    channel.queue_declare(dead)
    target = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": dead}
    more = {key.replace("_", "-"): value for key, value in arguments.items()}
    channel.queue_declare(queue, arguments=target | more)
    return queue, dead


def test_a_rejected_message_tells_its_history(channel: BlockingChannel, names: Names) -> None:
    queue, dead = declare_with_dead_letters(channel, names)
    channel.basic_publish("", queue, b"m", pika.BasicProperties(headers={"mine": 1}, priority=3))
    method, _, _ = channel.basic_get(queue)
    channel.basic_reject(method.delivery_tag, requeue=False)
    method, properties, body = next_message(channel, dead)
    assert (method.exchange, method.routing_key, body) == ("", dead, b"m")
    assert (properties.headers["mine"], properties.priority) == (1, 3)
    (death,) = properties.headers["x-death"]
    assert {key: death[key] for key in ("count", "reason", "queue", "exchange", "routing-keys")} == {
        "count": 1,
        "reason": "rejected",
        "queue": queue,
        "exchange": "",
        "routing-keys": [queue],
    }
    assert properties.headers["x-first-death-reason"] == "rejected"


def test_an_expired_message_keeps_its_expiration_in_the_history(
    channel: BlockingChannel, names: Names
) -> None:
    queue, dead = declare_with_dead_letters(channel, names)
    channel.basic_publish("", queue, b"m", pika.BasicProperties(expiration="10"))
    _, properties, _ = next_message(channel, dead)
    assert properties.expiration is None
    (death,) = properties.headers["x-death"]
    assert (death["reason"], death["original-expiration"]) == ("expired", "10")


def test_a_queue_with_a_length_gives_up_its_oldest_message(
    channel: BlockingChannel, names: Names
) -> None:
    queue, dead = declare_with_dead_letters(channel, names, x_max_length=2)
    for body in (b"1", b"2", b"3"):
        channel.basic_publish("", queue, body)
    _, properties, body = next_message(channel, dead)
    assert (body, properties.headers["x-first-death-reason"]) == (b"1", "maxlen")
    assert next_message(channel, queue)[2] == b"2"


def test_a_retried_message_counts_its_rounds(channel: BlockingChannel, names: Names) -> None:
    work, retry = names.queue(), names.queue()
    to = {"x-dead-letter-exchange": ""}
    channel.queue_declare(work, arguments=to | {"x-dead-letter-routing-key": retry})
    waiting = {"x-dead-letter-routing-key": work, "x-message-ttl": 10}
    channel.queue_declare(retry, arguments=to | waiting)
    channel.basic_publish("", work, b"job")
    counts: list[list[int]] = []
    for method, properties, _ in channel.consume(work):
        deaths = (properties.headers or {}).get("x-death", [])
        counts.append([death["count"] for death in deaths])
        if len(counts) == 4:
            channel.basic_ack(method.delivery_tag)
            break
        channel.basic_reject(method.delivery_tag, requeue=False)
    channel.cancel()
    assert counts == [[], [1, 1], [2, 2], [3, 3]]


def test_a_nack_does_not_count_for_the_delivery_limit(
    broker: Broker, channel: BlockingChannel, names: Names
) -> None:
    if broker.is_oracle:
        pytest.skip("RabbitMQ before 4.3 counts it")
    queue, dead = declare_with_dead_letters(channel, names, x_delivery_limit=1)
    channel.basic_publish("", queue, b"m")
    counts: list[tuple[int, int] | None] = []
    for fails in (False, False, True, False, True):
        method, properties, _ = channel.basic_get(queue)
        headers = properties.headers
        counts.append(headers and (headers["x-acquired-count"], headers["x-delivery-count"]))
        assert method.redelivered == (headers is not None)
        if fails:
            channel.basic_reject(method.delivery_tag, requeue=True)
        else:
            channel.basic_nack(method.delivery_tag, requeue=True)
    assert counts == [None, (1, 0), (2, 0), (3, 1), (4, 1)]
    _, properties, _ = next_message(channel, dead)
    assert properties.headers["x-first-death-reason"] == "delivery_limit"
