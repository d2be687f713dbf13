"""Consuming, settling, publishing and modes that the broker refuses, each with its exact reply."""

from __future__ import annotations

import pika
import pytest
from pika import spec

from harness.broker import Broker
from harness.closes import CloseRecorder
from harness.names import Names
from harness.refusals import Connect, Refusal, Scene, check, raw_publish

NO_QUEUE = "no queue '<q>' in vhost '/'"
IN_EXCLUSIVE_USE = "queue '<q>' in vhost '/' in exclusive use"
LOCKED = (
    "cannot obtain exclusive access to locked queue '<q>' in vhost '/'. It could be originally "
    "declared on another connection or the exclusive property value does not match that of the "
    "original declaration."
)


def publish(scene: Scene, **properties: object) -> None:
    scene.channel.basic_publish("", scene.q, b"body", pika.BasicProperties(**properties))


def bad_property(name: str, text: str, oracle_text: str = "", **properties: object) -> Refusal:
    return Refusal(
        name,
        given=lambda s: s.queue(),
        when=lambda s: publish(s, **properties),
        code=406,
        text=text,
        method=spec.Basic.Publish,
        oracle={"text": oracle_text} if oracle_text else None,
    )


def ack_twice(scene: Scene) -> None:
    tag = scene.get()
    scene.channel.basic_ack(tag)
    scene.channel.basic_ack(tag)


CONSUMING = [
    Refusal(
        "consume from a missing queue",
        when=lambda s: s.consumer(),
        code=404,
        text=NO_QUEUE,
        method=spec.Basic.Consume,
    ),
    Refusal(
        "get from a missing queue",
        when=lambda s: s.channel.basic_get(s.q),
        code=404,
        text=NO_QUEUE,
        method=spec.Basic.Get,
    ),
    Refusal(
        "consume from the last declared queue when there is none",
        when=lambda s: s.channel.basic_consume("", lambda *_: None),
        code=404,
        text="no previously declared queue",
        method=spec.Basic.Consume,
    ),
    Refusal(
        "consume from a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.consumer(),
        code=405,
        text=LOCKED,
        method=spec.Basic.Consume,
    ),
    Refusal(
        "get from a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.channel.basic_get(s.q),
        code=405,
        text=LOCKED,
        method=spec.Basic.Get,
    ),
    Refusal(
        "exclusive consumer beside another",
        given=lambda s: (s.queue(), s.consumer(s.other)),
        when=lambda s: s.consumer(exclusive=True),
        code=403,
        text=IN_EXCLUSIVE_USE,
        method=spec.Basic.Consume,
    ),
    Refusal(
        "consumer beside an exclusive one",
        given=lambda s: (s.queue(), s.consumer(s.other, exclusive=True)),
        when=lambda s: s.consumer(),
        code=403,
        text=IN_EXCLUSIVE_USE,
        method=spec.Basic.Consume,
    ),
    Refusal(
        "consumer tag twice",
        given=lambda s: (s.queue(), s.consumer(consumer_tag="hare")),
        when=lambda s: s.send(spec.Basic.Consume(queue=s.q, consumer_tag="hare")),
        code=530,
        text="attempt to reuse consumer tag 'hare'",
        method=spec.Basic.Consume,
    ),
    Refusal(
        "prefetch size",
        when=lambda s: s.channel.basic_qos(prefetch_size=10),
        code=540,
        text="prefetch_size!=0 (10)",
        method=spec.Basic.Qos,
    ),
    Refusal(
        "recover without requeue",
        when=lambda s: s.channel.basic_recover(requeue=False),
        code=540,
        text="requeue=false",
        method=spec.Basic.Recover,
    ),
    Refusal(
        "flow switched off by the client",
        when=lambda s: s.channel.flow(False),
        code=540,
        text="active=false",
        method=spec.Channel.Flow,
    ),
]

SETTLING = [
    Refusal(
        "ack of an unknown tag",
        when=lambda s: s.channel.basic_ack(7),
        code=406,
        text="unknown delivery tag 7",
        method=spec.Basic.Ack,
    ),
    Refusal(
        "ack twice",
        given=lambda s: s.filled_queue(),
        when=ack_twice,
        code=406,
        text="unknown delivery tag 1",
        method=spec.Basic.Ack,
    ),
    Refusal(
        "ack of a message that needs none",
        given=lambda s: (s.filled_queue(), s.channel.basic_get(s.q, auto_ack=True)),
        when=lambda s: s.channel.basic_ack(1),
        code=406,
        text="unknown delivery tag 1",
        method=spec.Basic.Ack,
    ),
    Refusal(
        "ack of many up to an unknown tag",
        given=lambda s: (s.filled_queue(), s.get()),
        when=lambda s: s.channel.basic_ack(9, multiple=True),
        code=406,
        text="unknown delivery tag 9",
        method=spec.Basic.Ack,
    ),
    Refusal(
        "nack of an unknown tag",
        when=lambda s: s.channel.basic_nack(3),
        code=406,
        text="unknown delivery tag 3",
        method=spec.Basic.Nack,
    ),
    Refusal(
        "reject of an unknown tag",
        when=lambda s: s.channel.basic_reject(4),
        code=406,
        text="unknown delivery tag 4",
        method=spec.Basic.Reject,
    ),
    Refusal(
        "ack of tag zero",
        when=lambda s: s.channel.basic_ack(0),
        code=406,
        text="unknown delivery tag 0",
        method=spec.Basic.Ack,
    ),
]

PUBLISHING = [
    Refusal(
        "publish to a missing exchange",
        when=lambda s: s.channel.basic_publish(s.x, "key", b"body"),
        code=404,
        text="no exchange '<x>' in vhost '/'",
        method=spec.Basic.Publish,
    ),
    Refusal(
        "publish to an internal exchange",
        given=lambda s: s.exchange(internal=True),
        when=lambda s: s.channel.basic_publish(s.x, "key", b"body"),
        code=403,
        text="cannot publish to internal exchange '<x>' in vhost '/'",
        method=spec.Basic.Publish,
    ),
    Refusal(
        "immediate delivery",
        given=lambda s: s.queue(),
        when=lambda s: s.send(*raw_publish("", s.q, immediate=True)),
        code=540,
        text="immediate=true",
        method=spec.Basic.Publish,
    ),
    bad_property(
        "expiration is a word",
        "invalid expiration 'soon': no_integer",
        expiration="soon",
    ),
    bad_property(
        "expiration has a unit",
        "invalid expiration '10s': {leftover_string,\"s\"}",
        expiration="10s",
    ),
    bad_property(
        "expiration is negative",
        "invalid expiration '-1': {value_negative,-1}",
        expiration="-1",
    ),
]

MODES = [
    Refusal(
        "commit without a transaction",
        when=lambda s: s.channel.tx_commit(),
        code=406,
        text="channel is not transactional",
        method=spec.Tx.Commit,
    ),
    Refusal(
        "rollback without a transaction",
        when=lambda s: s.channel.tx_rollback(),
        code=406,
        text="channel is not transactional",
        method=spec.Tx.Rollback,
    ),
    Refusal(
        "transaction on a confirming channel",
        given=lambda s: s.channel.confirm_delivery(),
        when=lambda s: s.channel.tx_select(),
        code=406,
        text="cannot switch from confirm to tx mode",
        method=spec.Tx.Select,
    ),
    Refusal(
        "confirms on a transactional channel",
        given=lambda s: s.channel.tx_select(),
        when=lambda s: s.channel.confirm_delivery(),
        code=406,
        text="cannot switch from tx to confirm mode",
        method=spec.Confirm.Select,
    ),
]

CHANNELS = [
    Refusal(
        "method on a channel that was never opened",
        when=lambda s: s.connection._impl._send_method(77, spec.Basic.Qos(prefetch_count=1)),
        code=504,
        text="expected 'channel.open'",
        method=spec.Basic.Qos,
    ),
    Refusal(
        "channel opened twice",
        when=lambda s: s.send(spec.Channel.Open()),
        code=504,
        text="second 'channel.open' seen",
        method=spec.Channel.Open,
    ),
]


@pytest.mark.parametrize(
    "refusal",
    CONSUMING + SETTLING + PUBLISHING + MODES + CHANNELS,
    ids=lambda refusal: refusal.name.replace(" ", "-"),
)
def test_use_is_refused(
    refusal: Refusal, broker: Broker, connect: Connect, names: Names, closes: CloseRecorder
) -> None:
    check(refusal, broker, Scene(connect, names), closes)


def test_publish_to_a_missing_exchange_closes_the_channel_for_later_calls(
    connect: Connect, names: Names
) -> None:
    channel = connect().channel()
    missing = names.exchange()
    channel.basic_publish(missing, "key", b"lost")
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
        channel.queue_declare(names.queue())
    assert closed.value.reply_code == 404
    with pytest.raises(pika.exceptions.ChannelWrongStateError):
        channel.basic_publish("", "anywhere", b"too late")


def test_number_of_a_closed_channel_can_be_used_again(connect: Connect, names: Names) -> None:
    connection = connect()
    channel = connection.channel(5)
    with pytest.raises(pika.exceptions.ChannelClosedByBroker):
        channel.queue_declare(names.queue(), passive=True)
    again = connection.channel(5)
    queue = names.queue()
    again.queue_declare(queue)
    assert again.queue_declare(queue, passive=True).method.queue == queue
