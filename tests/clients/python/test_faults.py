"""Faults on demand (docs/testing-faults.md), as a program in Python meets them through pika."""

from __future__ import annotations

import json
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pika
import pika.exceptions
import pytest
from harness.broker import Broker, own_broker
from pika.adapters.blocking_connection import BlockingChannel


@dataclass(frozen=True)
class Faults:
    """The test API of a broker."""

    broker: Broker

    def ask(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        url = f"http://127.0.0.1:{self.broker.management_port}/api/haremq/test/faults{path}"
        request = urllib.request.Request(url, data, method=method)
        request.add_header("authorization", "Basic " + b64encode(b"guest:guest").decode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def order(self, kind: str, **fields: object) -> int:
        return self.ask("POST", "", {"kind": kind, **fields})["id"]

    def hits(self, fault: int) -> int:
        return next(one["hits"] for one in self.ask("GET", "") if one["id"] == fault)

    def connect(self) -> pika.BlockingConnection:
        return pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", self.broker.port)
        )


@pytest.fixture(scope="module")
def shared() -> Iterator[Faults]:
    with own_broker(["haremq.test_api = true"]) as broker:
        yield Faults(broker)


@pytest.fixture
def faults(shared: Faults) -> Iterator[Faults]:
    yield shared
    shared.ask("DELETE", "")


@pytest.fixture
def channel(faults: Faults) -> Iterator[BlockingChannel]:
    connection = faults.connect()
    channel = connection.channel()
    channel.queue_declare("q")
    channel.queue_purge("q")
    yield channel
    if connection.is_open:
        connection.close()


def test_a_program_sees_its_third_publish_nacked_and_can_try_again(
    faults: Faults, channel: BlockingChannel
) -> None:
    channel.confirm_delivery()
    faults.order("nack", queue="q", every=3, times=1)
    for body in (b"1", b"2"):
        channel.basic_publish("", "q", body)
    with pytest.raises(pika.exceptions.NackError):
        channel.basic_publish("", "q", b"3")
    channel.basic_publish("", "q", b"3")
    assert [channel.basic_get("q", auto_ack=True)[2] for _ in range(3)] == [b"1", b"2", b"3"]


def test_a_program_is_closed_out_of_its_channel_and_opens_another(
    faults: Faults, channel: BlockingChannel
) -> None:
    faults.order("channel_close", code=406, text="not now", on="ack", queue="q", times=1)
    channel.basic_publish("", "q", b"m")
    method, _, _ = channel.basic_get("q")
    with pytest.raises(pika.exceptions.ChannelClosedByBroker) as closed:
        channel.basic_ack(method.delivery_tag)
        channel.queue_declare("q", passive=True)
    assert closed.value.reply_code == 406
    assert closed.value.reply_text == "PRECONDITION_FAILED - not now"
    again = channel.connection.channel()
    method, _, body = again.basic_get("q", auto_ack=True)
    assert (body, method.redelivered) == (b"m", True)


def test_a_program_is_cut_off_and_connects_again(
    faults: Faults, channel: BlockingChannel
) -> None:
    channel.basic_publish("", "q", b"m")
    channel.basic_get("q")
    fault = faults.order("cut")
    with pytest.raises(pika.exceptions.AMQPConnectionError):
        channel.queue_declare("q", passive=True)
    assert faults.hits(fault) == 1
    with faults.connect() as connection:
        method, _, body = connection.channel().basic_get("q", auto_ack=True)
    assert (body, method.redelivered) == (b"m", True)


def test_a_connection_is_closed_with_the_code_that_was_ordered(
    faults: Faults, channel: BlockingChannel
) -> None:
    faults.order("connection_close", code=320, text="node is going down")
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        channel.queue_declare("q", passive=True)
    assert closed.value.reply_code == 320
    assert closed.value.reply_text == "CONNECTION_FORCED - node is going down"


def test_a_program_that_is_given_a_message_twice_sees_that_it_is_the_same(
    faults: Faults, channel: BlockingChannel
) -> None:
    faults.order("duplicate", queue="q", every=2)
    for body in (b"1", b"2", b"3"):
        channel.basic_publish("", "q", body)
    got = []
    for method, _, body in channel.consume("q", inactivity_timeout=5):
        got.append((body, method.redelivered))
        channel.basic_ack(method.delivery_tag)
        if len(got) == 4:
            break
    assert got == [(b"1", False), (b"2", False), (b"2", True), (b"3", False)]
    channel.cancel()
    assert channel.queue_declare("q", passive=True).method.message_count == 0


def test_a_publisher_hears_that_it_is_blocked_and_that_it_may_go_on(
    faults: Faults, channel: BlockingChannel
) -> None:
    heard: list[str] = []
    connection = channel.connection
    connection.add_on_connection_blocked_callback(
        lambda _, frame: heard.append(frame.method.reason)
    )
    connection.add_on_connection_unblocked_callback(lambda *_: heard.append("go on"))
    channel.basic_publish("", "q", b"m")
    fault = faults.order("block", reason="out of cake")
    while not heard:
        connection.process_data_events(1)
    faults.ask("DELETE", f"/{fault}")
    while len(heard) < 2:
        connection.process_data_events(1)
    assert heard == ["out of cake", "go on"]
