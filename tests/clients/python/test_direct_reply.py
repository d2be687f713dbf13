"""Direct reply-to: remote calls without a reply queue."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from pika import exceptions, spec
from pika.adapters.blocking_connection import BlockingChannel

from conftest import Connect
from harness.names import Names
from harness.waiting import pump_until

PSEUDO_QUEUE = "amq.rabbitmq.reply-to"


class Caller:
    """A requester: it sends calls to a queue, and keeps the replies."""

    def __init__(self, channel: BlockingChannel, queue: str) -> None:
        self.channel = channel
        self.queue = queue
        self.replies: list[tuple[spec.Basic.Deliver, pika.BasicProperties, bytes]] = []
        self.tag = channel.basic_consume(PSEUDO_QUEUE, self._keep, auto_ack=True)

    def _keep(self, _channel: Any, how: Any, about: Any, body: bytes) -> None:
        self.replies.append((how, about, body))

    def call(self, body: bytes, number: int) -> None:
        properties = pika.BasicProperties(
            reply_to=PSEUDO_QUEUE, correlation_id=str(number), headers={"number": number}
        )
        self.channel.basic_publish("", self.queue, body, properties)

    def wait(self, count: int) -> None:
        pump_until(
            self.channel.connection, lambda: len(self.replies) >= count, f"{count} replies"
        )


@pytest.fixture
def requests(channel: BlockingChannel, names: Names) -> str:
    name = names.queue()
    channel.queue_declare(name)
    return name


def serve(channel: BlockingChannel, queue: str, count: int) -> str:
    """Answers so many calls; the address of the last."""
    address = ""
    for method, properties, body in channel.consume(queue):
        assert properties.headers == {"number": int(properties.correlation_id)}
        address = properties.reply_to
        reply = pika.BasicProperties(correlation_id=properties.correlation_id)
        channel.basic_publish("", address, body.upper(), reply)
        channel.basic_ack(method.delivery_tag)
        count -= 1
        if not count:
            break
    channel.cancel()
    return address


def test_calls_of_two_callers_are_answered(
    connect: Connect, channel: BlockingChannel, requests: str
) -> None:
    callers = [Caller(connect().channel(), requests) for _ in range(2)]
    for number in range(6):
        callers[number % 2].call(b"call %d" % number, number)
    addresses = {serve(connect().channel(), requests, 1) for _ in range(6)}
    assert len(addresses) == 2
    for first, caller in enumerate(callers):
        caller.wait(3)
        bodies = [body for _, _, body in caller.replies]
        assert bodies == [b"CALL %d" % number for number in range(first, 6, 2)]
        assert [about.correlation_id for _, about, _ in caller.replies] == [
            str(number) for number in range(first, 6, 2)
        ]
        assert {how.exchange for how, _, _ in caller.replies} == {""}
        assert {how.consumer_tag for how, _, _ in caller.replies} == {caller.tag}


def test_a_responder_can_ask_for_a_caller(
    connect: Connect, channel: BlockingChannel, requests: str
) -> None:
    caller = Caller(connect().channel(), requests)
    caller.call(b"call", 0)
    address = serve(channel, requests, 1)
    caller.wait(1)
    there = channel.queue_declare(address, passive=True).method
    assert (there.queue, there.message_count, there.consumer_count) == (address, 0, 1)
    caller.channel.connection.close()
    with pytest.raises(exceptions.ChannelClosedByBroker) as refused:
        channel.queue_declare(address, passive=True)
    assert refused.value.reply_code == 404
    assert refused.value.reply_text == f"NOT_FOUND - no queue '{address}' in vhost '/'"


def test_a_call_needs_a_consumer_on_its_channel(
    connect: Connect, channel: BlockingChannel, requests: str
) -> None:
    Caller(connect().channel(), requests)
    properties = pika.BasicProperties(reply_to=PSEUDO_QUEUE)
    with pytest.raises(exceptions.ChannelClosedByBroker) as refused:
        channel.confirm_delivery()
        channel.basic_publish("", requests, b"call", properties)
    assert refused.value.reply_code == 406
    assert (
        refused.value.reply_text == "PRECONDITION_FAILED - fast reply consumer does not exist"
    )


@pytest.mark.parametrize(
    ("acknowledged", "consumers", "text"),
    [(True, 1, "reply consumer cannot acknowledge"), (False, 2, "reply consumer already set")],
)
def test_a_channel_has_one_consumer_without_acks(
    channel: BlockingChannel, acknowledged: bool, consumers: int, text: str
) -> None:
    with pytest.raises(exceptions.ChannelClosedByBroker) as refused:
        for _ in range(consumers):
            channel.basic_consume(PSEUDO_QUEUE, lambda *_: None, auto_ack=not acknowledged)
    assert refused.value.reply_code == 406
    assert refused.value.reply_text == f"PRECONDITION_FAILED - {text}"
