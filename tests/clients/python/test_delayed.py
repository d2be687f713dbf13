"""Exchanges that hold messages back until they are due."""

from __future__ import annotations

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker

from harness.names import Names


def declare(channel: BlockingChannel, names: Names, kind: str) -> str:
    exchange = names.exchange()
    channel.exchange_declare(
        exchange, "x-delayed-message", durable=True, arguments={"x-delayed-type": kind}
    )
    return exchange


def test_messages_come_in_the_order_in_which_they_are_due(
    channel: BlockingChannel, names: Names
) -> None:
    exchange, queue = declare(channel, names, "topic"), names.queue()
    channel.queue_declare(queue)
    channel.queue_bind(queue, exchange, "reminder.#")
    channel.confirm_delivery()
    for body, delay in ((b"last", 1200), (b"second", 600), (b"first", None)):
        headers = {"n": 1} if delay is None else {"n": 1, "x-delay": delay}
        properties = pika.BasicProperties(headers=headers, delivery_mode=2)
        # Raises when the message comes back: one that waits does not, mandatory or not.
        channel.basic_publish(exchange, "reminder.mail", body, properties, mandatory=True)
    got = []
    for _, properties, body in channel.consume(queue, auto_ack=True):
        got.append((body, properties.headers.get("x-delay"), properties.headers["n"]))
        if len(got) == 3:
            break
    assert got == [(b"first", None, 1), (b"second", -600, 1), (b"last", -1200, 1)]
    channel.cancel()
    channel.exchange_delete(exchange)


def test_the_type_behind_the_delay_is_required(channel: BlockingChannel, names: Names) -> None:
    with pytest.raises(ChannelClosedByBroker) as refused:
        channel.exchange_declare(names.exchange(), "x-delayed-message")
    assert refused.value.reply_code == 406
    assert "'x-delayed-type' must be an existing exchange type" in refused.value.reply_text
