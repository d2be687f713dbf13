"""What publishers may ask for: more routing keys, exchanges that choose by hash, chance or history."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.names import Names


def queues(channel: BlockingChannel, names: Names, count: int) -> list[str]:
    declared = [names.queue() for _ in range(count)]
    for queue in declared:
        channel.queue_declare(queue)
    return declared


def counts(channel: BlockingChannel, declared: list[str]) -> list[int]:
    return [channel.queue_declare(queue, passive=True).method.message_count for queue in declared]


def exchange_of(
    channel: BlockingChannel, names: Names, kind: str, **arguments: Any
) -> str:
    exchange = names.exchange()
    named = {key.replace("_", "-"): value for key, value in arguments.items()}
    channel.exchange_declare(exchange, kind, arguments=named)
    return exchange


def test_copies_go_to_every_key_and_blind_ones_are_not_seen(
    channel: BlockingChannel, names: Names
) -> None:
    one, two, three = queues(channel, names, 3)
    headers = {"CC": [two], "BCC": [three], "mine": "kept"}
    channel.basic_publish("", one, b"m", pika.BasicProperties(headers=headers))
    assert counts(channel, [one, two, three]) == [1, 1, 1]
    _, properties, _ = channel.basic_get(three, auto_ack=True)
    assert properties.headers == {"CC": [two], "mine": "kept"}


def test_a_copy_header_that_is_no_list_is_refused(channel: BlockingChannel, names: Names) -> None:
    (queue,) = queues(channel, names, 1)
    channel.confirm_delivery()
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        channel.basic_publish("", queue, b"m", pika.BasicProperties(headers={"CC": "x"}))
    assert caught.value.reply_code == 406, caught.value


def test_equal_keys_meet_in_one_queue_of_a_consistent_hash(
    channel: BlockingChannel, names: Names
) -> None:
    exchange = exchange_of(channel, names, "x-consistent-hash")
    bound = queues(channel, names, 3)
    for queue in bound:
        channel.queue_bind(queue, exchange, "1")
    for _ in range(5):
        channel.basic_publish(exchange, "the same", b"m")
    assert sorted(counts(channel, bound)) == [0, 0, 5]
    for number in range(200):
        channel.basic_publish(exchange, f"key {number}", b"m")
    assert sum(counts(channel, bound)) == 205
    assert min(counts(channel, bound)) > 0


def test_a_random_exchange_gives_each_message_to_one_queue(
    channel: BlockingChannel, names: Names
) -> None:
    exchange = exchange_of(channel, names, "x-random")
    bound = queues(channel, names, 2)
    for queue in bound:
        channel.queue_bind(queue, exchange)
    for _ in range(60):
        channel.basic_publish(exchange, "", b"m")
    assert sum(counts(channel, bound)) == 60
    assert min(counts(channel, bound)) > 0


def test_a_new_queue_hears_the_recent_history(channel: BlockingChannel, names: Names) -> None:
    exchange = exchange_of(channel, names, "x-recent-history", x_recent_history_length=2)
    for body in (b"1", b"2", b"3"):
        channel.basic_publish(exchange, "", body)
    (late,) = queues(channel, names, 1)
    channel.queue_bind(late, exchange)
    heard = [channel.basic_get(late, auto_ack=True)[2] for _ in range(3)]
    assert heard == [b"2", b"3", None]


def test_somebody_elses_user_id_is_refused(channel: BlockingChannel, names: Names) -> None:
    (queue,) = queues(channel, names, 1)
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"m", pika.BasicProperties(user_id="guest"))
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as caught:
        channel.basic_publish("", queue, b"m", pika.BasicProperties(user_id="somebody"))
    assert caught.value.reply_code == 406, caught.value
