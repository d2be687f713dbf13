"""Queues: what the answers to declare, get, purge and delete say, and how queues come to an end."""

from __future__ import annotations

import re
from typing import Any

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel

from harness.names import Names
from harness.refusals import Connect
from harness.waiting import pump_until


def fill(channel: BlockingChannel, queue: str, count: int) -> None:
    for number in range(count):
        channel.basic_publish("", queue, b"%d" % number)


def get(channel: BlockingChannel, queue: str) -> bytes | None:
    return channel.basic_get(queue, auto_ack=True)[2]


def exists(channel: BlockingChannel, queue: str) -> bool:
    """Asks on a channel of its own, since the answer no closes the channel."""
    asking = channel.connection.channel()
    try:
        asking.queue_declare(queue, passive=True)
    except pika.exceptions.ChannelClosedByBroker as error:
        assert error.reply_code == 404, error
        return False
    asking.close()
    return True


def test_declare_answers_with_name_and_counts(channel: BlockingChannel, names: Names) -> None:
    queue = names.queue()
    fresh = channel.queue_declare(queue).method
    assert (fresh.queue, fresh.message_count, fresh.consumer_count) == (queue, 0, 0)
    fill(channel, queue, 3)
    channel.basic_get(queue)
    again = channel.queue_declare(queue, passive=True).method
    # The message that is out waits for its ack and is not counted.
    assert (again.message_count, again.consumer_count) == (2, 0)


def test_declare_counts_consumers_of_all_connections(connect: Connect, names: Names) -> None:
    queue = names.queue()
    channels = [connect().channel() for _ in range(2)]
    channels[0].queue_declare(queue)
    for channel in channels:
        channel.basic_consume(queue, lambda *_: None)
    assert channels[0].queue_declare(queue, passive=True).method.consumer_count == 2
    channels[1].connection.close()
    # The broker notices the end by itself; the count follows soon after.
    pump_until(
        channels[0].connection,
        lambda: channels[0].queue_declare(queue, passive=True).method.consumer_count == 1,
        "the consumer of the closed connection to be gone",
    )


def test_get_counts_what_is_left_and_ends_with_get_empty(
    channel: BlockingChannel, names: Names
) -> None:
    queue = names.queue()
    channel.queue_declare(queue)
    fill(channel, queue, 3)
    for number in range(3):
        method, _, body = channel.basic_get(queue, auto_ack=True)
        assert (body, method.message_count, method.redelivered) == (
            b"%d" % number,
            2 - number,
            False,
        )
        assert (method.delivery_tag, method.exchange, method.routing_key) == (number + 1, "", queue)
    assert channel.basic_get(queue) == (None, None, None)


def test_purge_counts_and_spares_what_is_unacked(channel: BlockingChannel, names: Names) -> None:
    queue = names.queue()
    channel.queue_declare(queue)
    fill(channel, queue, 5)
    method, _, _ = channel.basic_get(queue)
    assert channel.queue_purge(queue).method.message_count == 4
    assert channel.queue_purge(queue).method.message_count == 0
    channel.basic_nack(method.delivery_tag)
    assert get(channel, queue) == b"0"


def test_delete_counts_and_the_queue_is_gone(channel: BlockingChannel, names: Names) -> None:
    queue = names.queue()
    channel.queue_declare(queue)
    fill(channel, queue, 4)
    assert channel.queue_delete(queue).method.message_count == 4
    assert not exists(channel, queue)
    assert channel.queue_delete(queue).method.message_count == 0


def test_delete_if_unused_and_if_empty_go_through_when_true(
    channel: BlockingChannel, names: Names
) -> None:
    queue = names.queue()
    channel.queue_declare(queue)
    assert channel.queue_delete(queue, if_unused=True, if_empty=True).method.message_count == 0
    assert not exists(channel, queue)


def test_deletes_and_unbinds_of_what_is_missing_succeed(
    channel: BlockingChannel, names: Names
) -> None:
    queue, exchange = names.queue(), names.exchange()
    channel.queue_delete(queue)
    channel.exchange_delete(exchange)
    channel.queue_unbind(queue, exchange, "key")
    channel.queue_declare(queue)
    channel.queue_unbind(queue, exchange, "key")
    channel.queue_unbind(queue, "amq.direct", "never bound")
    channel.exchange_unbind(exchange, "amq.direct", "key")
    channel.basic_cancel("never started")
    assert channel.is_open


def test_server_names_queues(channel: BlockingChannel) -> None:
    made = [channel.queue_declare("", exclusive=True).method.queue for _ in range(3)]
    assert len(set(made)) == 3
    for name in made:
        assert re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", name), name
    # The name may be looked up, but a declare refuses the prefix even for a queue that exists.
    assert channel.queue_declare(made[0], passive=True).method.queue == made[0]
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
        channel.queue_declare(made[0], exclusive=True)
    assert closed.value.reply_code == 403


def test_empty_name_means_the_queue_declared_last(channel: BlockingChannel, names: Names) -> None:
    earlier, last = names.queue("earlier"), names.queue("last")
    channel.queue_declare(earlier)
    channel.queue_declare(last)
    # With an empty key as well, the key is the queue's name; with a key it is that key.
    channel.queue_bind("", "amq.direct")
    channel.basic_publish("amq.direct", last, b"by its name")
    assert get(channel, last) == b"by its name"
    key = f"key-{names.suffix}"
    channel.queue_bind("", "amq.direct", key)
    channel.basic_publish("amq.direct", key, b"by key")
    assert get(channel, "") == b"by key"
    fill(channel, last, 2)
    assert channel.queue_purge("").method.message_count == 2
    channel.queue_delete("")
    assert not exists(channel, last)
    assert exists(channel, earlier)


def test_line_ends_in_names_are_dropped(channel: BlockingChannel, names: Names) -> None:
    queue = names.queue()
    spread = f"{queue[:5]}\r\n{queue[5:]}\n"
    # pika would wait for an answer under the name it sent, so the method asks for none.
    channel._impl._send_method(spec.Queue.Declare(queue=spread, nowait=True))
    assert channel.queue_declare(queue, passive=True).method.queue == queue
    channel.basic_publish("", spread, b"dropped: routing keys are left alone")
    assert channel.queue_declare(queue, passive=True).method.message_count == 0


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({}, {"x-queue-type": "classic"}),
        ({"x-message-ttl": 60000}, {"x-message-ttl": 60000}),
        ({}, {"x-unheard-of": "whatever"}),
        ({"x-unheard-of": 1}, {"x-unheard-of": 2}),
        ({"x-max-length": 3}, {"x-max-length": pika.compat.long(3)}),
    ],
    ids=["classic-is-the-default", "same", "unknown-added", "unknown-differs", "width-of-integer"],
)
def test_equivalent_arguments_are_accepted(
    channel: BlockingChannel, names: Names, first: dict[str, Any], second: dict[str, Any]
) -> None:
    queue = names.queue()
    channel.queue_declare(queue, arguments=first)
    channel.queue_declare(queue, arguments=second)
    # A passive declare asks for the name alone and compares nothing else.
    channel.queue_declare(queue, passive=True, durable=True, arguments={"x-max-length": 9})


def test_exclusive_queue_dies_with_its_connection(connect: Connect, names: Names) -> None:
    queue = names.queue()
    owner, visitor = connect(), connect().channel()
    owner.channel().queue_declare(queue, exclusive=True)
    owner.channel().queue_declare(queue, exclusive=True)
    owner.close()
    assert not exists(visitor, queue)


def test_auto_delete_queue_goes_with_its_last_consumer(
    connection: pika.BlockingConnection, channel: BlockingChannel, names: Names
) -> None:
    queue = names.queue()
    channel.queue_declare(queue, auto_delete=True)
    # Without ever having had a consumer it stays.
    assert exists(channel, queue)
    other = connection.channel()
    tags = [c.basic_consume(queue, lambda *_: None) for c in (channel, other)]
    channel.basic_cancel(tags[0])
    assert exists(channel, queue)
    other.close()
    assert not exists(channel, queue)
