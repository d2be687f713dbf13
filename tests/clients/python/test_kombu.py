"""kombu, which carries Celery: its queues, its pools, its mailboxes, and how it comes back."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from amqp.exceptions import MessageNacked, NotFound, PreconditionFailed
from kombu import Connection, Consumer, Exchange, Queue, pools
from kombu.mixins import ConsumerMixin, ConsumerProducerMixin
from kombu.pidbox import Mailbox

from harness.broker import Broker
from harness.names import Names

SECONDS = 8.0


@pytest.fixture
def kombu(broker: Broker, names: Names) -> Iterator[Connection]:
    """A connection whose publishes are confirmed."""
    url = f"amqp://guest:guest@{broker.host}:{broker.port}//"
    with Connection(url, transport_options={"confirm_publish": True}) as connection:
        yield connection
        pools.reset()


def received(connection: Connection, queue: Queue, count: int = 1) -> list[Any]:
    """Consumes until `count` messages are there."""
    bodies: list[Any] = []

    def take(body: Any, message: Any) -> None:
        bodies.append(body)
        message.ack()

    with Consumer(connection, queue, callbacks=[take], accept=["json", "pickle"]):
        while len(bodies) < count:
            connection.drain_events(timeout=SECONDS)
    return bodies


def test_a_simple_queue_hands_back_what_was_put(kombu: Connection, names: Names) -> None:
    name = names.own_exchange(names.queue())
    with kombu.SimpleQueue(name, serializer="json") as queue:
        for n in range(3):
            queue.put({"n": n})
        assert queue.qsize() == 3
        assert queue.clear() == 3
        queue.put({"n": 4})
        message = queue.get(timeout=SECONDS)
        assert (message.payload, message.delivery_info["redelivered"]) == ({"n": 4}, False)
        message.requeue()
        again = queue.get(timeout=SECONDS)
        assert (again.payload, again.delivery_info["redelivered"]) == ({"n": 4}, True)
        again.ack()
        with pytest.raises(queue.Empty):
            queue.get(block=False)


@pytest.mark.parametrize("compression", [None, "gzip", "bzip2", "lzma"])
@pytest.mark.parametrize("serializer", ["json", "pickle"])
def test_compressed_and_serialized_messages_come_back(
    kombu: Connection, names: Names, compression: str | None, serializer: str
) -> None:
    queue = Queue(names.queue(), durable=False)
    body = {"text": "häre" * 50_000, "numbers": list(range(100))}
    producer = kombu.Producer(serializer=serializer)
    producer.publish(body, routing_key=queue.name, declare=[queue], compression=compression)
    assert received(kombu, queue) == [body]


def test_a_transient_queue_that_is_not_exclusive_is_there_for_others(
    broker: Broker, kombu: Connection, names: Names
) -> None:
    """What StackStorm declares; RabbitMQ has deprecated it, and 4.3 refuses it."""
    exchange = Exchange(names.exchange(), type="topic", durable=False)
    queue = Queue(names.queue(), exchange, routing_key="st2.#", durable=False, auto_delete=True)
    queue(kombu.default_channel).declare()
    kombu.Producer().publish({"is": "up"}, exchange=exchange, routing_key="st2.action")
    with Connection(kombu.as_uri(include_password=True)) as other:
        assert received(other, queue) == [{"is": "up"}]


def test_a_message_that_is_refused_or_too_strange_raises(kombu: Connection, names: Names) -> None:
    full = Queue(names.queue(), max_length=1, queue_arguments={"x-overflow": "reject-publish"})
    producer = kombu.Producer()
    producer.publish(1, routing_key=full.name, declare=[full])
    with pytest.raises(MessageNacked):
        producer.publish(2, routing_key=full.name)
    with pytest.raises(NotFound, match="no exchange"):
        producer.publish(3, exchange="nowhere-to-be-found", routing_key="k")


def test_a_queue_with_other_arguments_is_refused(kombu: Connection, names: Names) -> None:
    queue = Queue(names.queue(), max_priority=3)
    queue(kombu.default_channel).declare()
    with pytest.raises(PreconditionFailed, match="x-max-priority"):
        Queue(queue.name, max_priority=4)(kombu.channel()).declare()


def test_a_pool_of_producers_publishes_from_many_threads(kombu: Connection, names: Names) -> None:
    queue = Queue(names.queue(), durable=False)
    queue(kombu.default_channel).declare()

    def publish(first: int) -> None:
        for n in range(first, first + 20):
            with pools.producers[kombu].acquire(block=True) as producer:
                producer.publish(n, routing_key=queue.name, retry=True)

    threads = [threading.Thread(target=publish, args=(100 * n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    bodies = received(kombu, queue, 80)
    assert sorted(bodies) == [100 * thread + n for thread in range(4) for n in range(20)]


class Echo(ConsumerProducerMixin):
    """A service as kombu's documentation builds one."""

    def __init__(self, connection: Connection, queue: Queue) -> None:
        self.connection = connection
        self.queue = queue
        self.ready = threading.Event()

    def get_consumers(self, consumer: Any, _channel: Any) -> list[Consumer]:
        return [consumer(queues=[self.queue], on_message=self.on_message, prefetch_count=1)]

    def on_consume_ready(self, *_arguments: Any, **_options: Any) -> None:
        self.ready.set()

    def on_message(self, message: Any) -> None:
        self.producer.publish(
            {"heard": message.payload["said"].upper()},
            routing_key=message.properties["reply_to"],
            correlation_id=message.properties["correlation_id"],
            retry=True,
        )
        message.ack()


def test_a_consuming_mixin_answers_over_a_reply_queue(kombu: Connection, names: Names) -> None:
    asked, answers = Queue(names.queue(), durable=False), Queue(names.queue(), exclusive=True)
    service = Echo(kombu.clone(), asked)
    thread = threading.Thread(target=service.run)
    thread.start()
    assert service.ready.wait(SECONDS)
    answers(kombu.default_channel).declare()
    for word in ("hare", "hutch"):
        kombu.Producer().publish(
            {"said": word},
            routing_key=asked.name,
            reply_to=answers.name,
            correlation_id=uuid.uuid4().hex,
        )
    assert received(kombu, answers, 2) == [{"heard": "HARE"}, {"heard": "HUTCH"}]
    service.should_stop = True
    thread.join(SECONDS)
    assert not thread.is_alive()
    service.connection.close()


def test_a_mailbox_broadcasts_and_collects_the_answers(kombu: Connection, names: Names) -> None:
    """kombu's remote control, without Celery around it."""
    box = Mailbox(f"box-{names.suffix}", type="fanout", accept=["json"])
    names.own_exchange(f"{box.namespace}.pidbox")
    names.own_exchange(f"reply.{box.namespace}.pidbox")
    stopped = threading.Event()
    ready = threading.Barrier(4)

    def node(name: str) -> None:
        with kombu.clone() as connection:
            handlers = {"double": lambda _state, number: 2 * number}
            served = box.Node(name, state={}, handlers=handlers, channel=connection.channel())
            with served.listen():
                ready.wait(SECONDS)
                while not stopped.is_set():
                    try:
                        connection.drain_events(timeout=0.05)
                    except TimeoutError:
                        continue

    threads = [threading.Thread(target=node, args=(f"n{n}",)) for n in range(3)]
    for thread in threads:
        thread.start()
    ready.wait(SECONDS)
    try:
        bound = box(kombu)
        everyone = bound.multi_call("double", {"number": 4}, timeout=SECONDS, limit=3)
        assert sorted(everyone, key=str) == [{"n0": 8}, {"n1": 8}, {"n2": 8}]
        assert bound.call(["n1"], "double", {"number": 5}, timeout=SECONDS) == [{"n1": 10}]
    finally:
        stopped.set()
        for thread in threads:
            thread.join()


def test_a_consumer_that_lost_its_connection_goes_on(kombu: Connection, names: Names) -> None:
    """The mixin connects again by itself and finds what came meanwhile."""
    queue = Queue(names.queue(), durable=False)

    class Collector(ConsumerMixin):
        connect_max_retries = 10

        def __init__(self) -> None:
            self.connection = kombu.clone()
            self.bodies: list[Any] = []
            self.ready = threading.Event()

        def get_consumers(self, consumer: Any, _channel: Any) -> list[Consumer]:
            return [consumer(queues=[queue], callbacks=[self.take])]

        def on_consume_ready(self, connection: Any, *_rest: Any, **_options: Any) -> None:
            self.socket = connection.connection.transport.sock
            self.ready.set()

        def take(self, body: Any, message: Any) -> None:
            self.bodies.append(body)
            message.ack()
            self.should_stop = body == 2

    collector = Collector()
    thread = threading.Thread(target=collector.run)
    thread.start()
    assert collector.ready.wait(SECONDS)
    kombu.Producer().publish(1, routing_key=queue.name)
    while not collector.bodies:
        collector.ready.wait(0.01)
    collector.ready.clear()
    collector.socket.shutdown(2)
    assert collector.ready.wait(SECONDS)
    kombu.Producer().publish(2, routing_key=queue.name)
    thread.join(SECONDS)
    # What was not acknowledged in time comes twice.
    assert sorted(set(collector.bodies)) == [1, 2]
    collector.connection.close()
