"""The mixed load: every worker has a connection of its own and comes back when the broker does."""

from __future__ import annotations

import base64
import contextlib
import random
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable

import pika
from broker import Broker
from ledger import Ledger
from pika.exceptions import AMQPError, ChannelClosedByBroker

PERSISTENT = 2
TOPICS = ["eu.order", "eu.bill", "us.order", "us.bill"]
EXPIRES_MS = 2000
BODY_OCTETS = [40, 40, 1000, 1000, 8000, 8000, 60_000]
# Which keys of the topic exchange go to which queue.
BINDINGS = {"eu": "eu.*", "us": "us.*", "orders": "*.order", "all": "#"}


def queues_of(key: str) -> list[str]:
    region, kind = key.split(".")
    return [region, "all"] + (["orders"] if kind == "order" else [])


class Load:
    def __init__(self, broker: Broker, ledger: Ledger, rate: float, seed: int) -> None:
        self.broker, self.ledger, self.rate, self.seed = broker, ledger, rate, seed
        self.publishing, self.running = threading.Event(), threading.Event()
        self.publishing.set()
        self.running.set()
        self.asked = self.unanswered = self.transient = self.visits = 0
        self.threads: list[threading.Thread] = []

    def start(self) -> None:
        self.declare()
        publishers = [self.publish_work, self.publish_topics, self.publish_expiring, self.publish_transient]
        for worker in publishers:
            self.spawn(worker, self.publishing)
        for queue in ["work", "dead", *BINDINGS]:
            self.spawn(lambda queue=queue: self.consume(queue), self.running)
        self.spawn(self.consume_transient, self.running)
        self.spawn(self.visit, self.running)
        self.spawn(self.ask, self.running)

    def spawn(self, worker: Callable[[], None], while_set: threading.Event) -> None:
        def again() -> None:
            while while_set.is_set():
                try:
                    worker()
                except (AMQPError, OSError):
                    time.sleep(0.3)

        thread = threading.Thread(target=again, daemon=True)
        thread.start()
        self.threads.append(thread)

    def stop_publishing(self) -> None:
        self.publishing.clear()

    def stop(self) -> None:
        self.running.clear()

    def channel(self) -> pika.adapters.blocking_connection.BlockingChannel:
        parameters = pika.ConnectionParameters("127.0.0.1", self.broker.port, heartbeat=30)
        return pika.BlockingConnection(parameters).channel()

    def declare(self) -> None:
        channel = self.channel()
        dead_letters = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
        channel.queue_declare("work", durable=True)
        channel.queue_declare("dead", durable=True)
        channel.queue_declare("expiring", durable=True, arguments={"x-message-ttl": EXPIRES_MS, **dead_letters})
        channel.exchange_declare("topics", "topic", durable=True)
        for queue, pattern in BINDINGS.items():
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, "topics", pattern)
        channel.connection.close()

    def publish(self, exchange: str, key: Callable[[], str], queues: Callable[[str], list[str]]) -> None:
        """Persistent, confirmed one by one."""
        channel = self.channel()
        channel.confirm_delivery()
        sizes = random.Random(self.seed)
        while self.publishing.is_set():
            routing_key = key()
            goes_to = queues(routing_key)
            message = self.ledger.publishes(goes_to)
            began = time.monotonic()
            # The rest of the body makes segments fill.
            body = f"{message} {began} ".encode().ljust(sizes.choice(BODY_OCTETS), b".")
            channel.basic_publish(exchange, routing_key, body, pika.BasicProperties(delivery_mode=PERSISTENT))
            self.ledger.confirms(message, goes_to, (time.monotonic() - began) * 1000)
            channel.connection.process_data_events(1 / self.rate)
        channel.connection.close()

    def publish_work(self) -> None:
        self.publish("", lambda: "work", lambda _: ["work"])

    def publish_topics(self) -> None:
        self.publish("topics", lambda: random.choice(TOPICS), queues_of)

    def publish_expiring(self) -> None:
        self.publish("", lambda: "expiring", lambda _: ["dead"])

    def publish_transient(self) -> None:
        channel = self.channel()
        channel.queue_declare("transient", auto_delete=False, durable=False)
        while self.publishing.is_set():
            channel.basic_publish("", "transient", b"x" * 500)
            self.transient += 1
            channel.connection.process_data_events(0.5 / self.rate)
        channel.connection.close()

    def consume(self, queue: str) -> None:
        """With a prefetch; one in ten goes back first."""
        channel = self.channel()
        channel.basic_qos(prefetch_count=20)
        dice = random.Random(self.seed)
        for method, _, body in channel.consume(queue, inactivity_timeout=1.0):
            if not self.running.is_set():
                break
            if method is None:
                continue
            message, began, _ = body.split(b" ", 2)
            # What expires is due when its time is over.
            due = float(began) + (EXPIRES_MS / 1000 if queue == "dead" else 0)
            took_ms = (time.monotonic() - due) * 1000
            self.ledger.delivers(int(message), queue, method.redelivered, took_ms)
            if dice.random() < 0.1:
                channel.basic_nack(method.delivery_tag, requeue=True)
            else:
                channel.basic_ack(method.delivery_tag)
                self.ledger.acks(int(message), queue)
        channel.connection.close()

    def consume_transient(self) -> None:
        channel = self.channel()
        channel.queue_declare("transient", auto_delete=False, durable=False)
        for _ in channel.consume("transient", auto_ack=True, inactivity_timeout=1.0):
            if not self.running.is_set():
                break
        channel.connection.close()

    def visit(self) -> None:
        """Connections that come and go, each with an exclusive queue, unacked messages and a channel that is refused."""
        while self.running.is_set():
            channel = self.channel()
            queue = channel.queue_declare("", exclusive=True).method.queue
            channel.queue_bind(queue, "amq.topic", f"visit.{self.visits}.*")
            for _ in range(5):
                channel.basic_publish("amq.topic", f"visit.{self.visits}.a", b"v" * 100)
            channel.basic_get(queue)
            with contextlib.suppress(ChannelClosedByBroker):
                channel.queue_declare("nowhere", passive=True)
            channel.connection.close()
            self.visits += 1
            time.sleep(0.5)

    def ask(self) -> None:
        login = {"Authorization": "Basic " + base64.b64encode(b"guest:guest").decode()}
        management = f"http://127.0.0.1:{self.broker.management_port}/api/"
        pages = [management + page for page in ("overview", "queues", "connections")]
        pages.append(f"http://127.0.0.1:{self.broker.metrics_port}/metrics")
        while self.running.is_set():
            for page in pages:
                self.asked += 1
                try:
                    with urllib.request.urlopen(urllib.request.Request(page, headers=login), timeout=5) as answer:
                        answer.read()
                except (OSError, urllib.error.URLError):
                    self.unanswered += 1
            time.sleep(2)
