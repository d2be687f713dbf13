"""A table line that says how the broker refuses something, and the check that goes with it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pika
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from harness.broker import Broker
from harness.closes import Close, CloseRecorder
from harness.names import Names
from harness.waiting import pump_until

REPLY_NAMES = {
    403: "ACCESS_REFUSED",
    404: "NOT_FOUND",
    405: "RESOURCE_LOCKED",
    406: "PRECONDITION_FAILED",
    503: "COMMAND_INVALID",
    504: "CHANNEL_ERROR",
    530: "NOT_ALLOWED",
    540: "NOT_IMPLEMENTED",
}
# spec: a soft error closes the channel, a hard one the connection.
SOFT = (403, 404, 405, 406)

Connect = Callable[..., BlockingConnection]


class Scene:
    """What a table line works with: a channel, names that are its own, a second connection.

    The steps return what they did, so that a line can chain several of them in a tuple.
    """

    def __init__(self, connect: Connect, names: Names) -> None:
        self._connect = connect
        self.connection = connect()
        self.channel: BlockingChannel = self.connection.channel()
        self.q = names.queue()
        self.q2 = names.queue("second")
        self.x = names.exchange()
        self.x2 = names.exchange("second")
        self._other: BlockingChannel | None = None

    @property
    def other(self) -> BlockingChannel:
        """A channel of another connection, opened when first asked for."""
        if self._other is None:
            self._other = self._connect().channel()
        return self._other

    def queue(self, arguments: dict[str, Any] | None = None, **flags: bool) -> object:
        return self.channel.queue_declare(self.q, arguments=arguments, **flags)

    def exchange(self, kind: str = "direct", **settings: Any) -> object:
        return self.channel.exchange_declare(self.x, kind, **settings)

    def filled_queue(self) -> object:
        self.queue()
        return self.channel.basic_publish("", self.q, b"body")

    def consumer(self, channel: BlockingChannel | None = None, **settings: Any) -> str:
        return (channel or self.channel).basic_consume(self.q, lambda *_: None, **settings)

    def get(self) -> int:
        """Fetches one message and returns its delivery tag."""
        method, _, _ = self.channel.basic_get(self.q)
        assert method is not None, "the queue is empty"
        return method.delivery_tag

    def send(self, method: Any, content: Any = None) -> None:
        """Sends a method that pika's own functions would refuse or do not offer."""
        self.channel._impl._send_method(method, content)


Step = Callable[[Scene], object]


def nothing(_scene: Scene) -> None:
    """The step of a case that needs no preparation."""


@dataclass(frozen=True)
class Refusal:
    """`given` prepares, `when` is refused with this code and text, naming this method.

    In the text `<q>`, `<q2>`, `<x>`, `<x2>` stand for the names of the scene. The text is the one
    of the newest RabbitMQ; `oracle` holds what an older one says where that differs.
    """

    name: str
    when: Step
    code: int
    text: str
    method: Any
    given: Step = nothing
    oracle: dict[str, Any] | None = None

    def expected(self, scene: Scene, broker: Broker) -> Close:
        told = {"code": self.code, "text": self.text, "method": self.method}
        if broker.is_oracle and self.oracle:
            told |= self.oracle
        text = f"{REPLY_NAMES[told['code']]} - {told['text']}"
        for token in ("q", "q2", "x", "x2"):
            text = text.replace(f"<{token}>", getattr(scene, token))
        scope = "channel" if told["code"] in SOFT else "connection"
        return Close(scope, told["code"], text, method_ids(told["method"]))


def method_ids(method: Any) -> tuple[int, int]:
    """The class and method id of a method of pika's specification module; None is no method."""
    return (method.INDEX >> 16, method.INDEX & 0xFFFF) if method else (0, 0)


def check(refusal: Refusal, broker: Broker, scene: Scene, closes: CloseRecorder) -> None:
    """Provokes the refusal, compares it whole, and makes sure that nothing else was hurt."""
    refusal.given(scene)
    assert not closes.seen, "the preparation was refused"
    bystander = scene.other
    closed_by_broker = (
        pika.exceptions.ChannelClosedByBroker,
        pika.exceptions.ConnectionClosedByBroker,
    )
    with suppress(*closed_by_broker):
        refusal.when(scene)
        pump_until(scene.connection, lambda: closes.seen, "the refusal")
    expected = refusal.expected(scene, broker)
    assert closes.seen == [expected]
    assert bystander.is_open
    bystander.basic_qos(prefetch_count=1)
    if expected.scope == "channel":
        assert scene.connection.is_open
        scene.connection.channel().close()
    else:
        pump_until_closed(scene.connection)


def pump_until_closed(connection: BlockingConnection) -> None:
    """After a hard error the connection ends; reading from it says so."""
    with suppress(pika.exceptions.ConnectionClosed):
        pump_until(connection, lambda: connection.is_closed, "the end of the connection")
    assert connection.is_closed


def raw_publish(exchange: str, key: str, **flags: bool) -> tuple[Any, tuple[Any, bytes]]:
    """A basic.publish with flags that pika does not offer, and its content."""
    method = spec.Basic.Publish(exchange=exchange, routing_key=key, **flags)
    return method, (pika.BasicProperties(), b"body")
