"""The application's fixtures: workers are dear, so all tests share them and they start together."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

import pika
import pytest
from celery import Celery

pytest.register_assert_rewrite("harness.workers")

from celeryapp.application import Settings, application
from harness.broker import Broker
from harness.workers import Worker

CHORDS = "celeryapp.chords:ChordBackend"


@dataclass
class Workers:
    """The workers that run during the whole session."""

    classic: Worker
    # The neighbour: serves the queue with priorities, and is the one that is killed.
    neighbour: Worker
    quorum: Worker

    def all(self) -> tuple[Worker, ...]:
        """All of them."""
        return (self.classic, self.neighbour, self.quorum)


@pytest.fixture(scope="session")
def settings(broker: Broker) -> Settings:
    """The application on classic queues, with names of this session only."""
    url = f"amqp://guest:guest@{broker.host}:{broker.port}//"
    return Settings(url, suffix=uuid.uuid4().hex[:10])


@pytest.fixture(scope="session")
def quorum_settings(settings: Settings) -> Settings:
    """The same on quorum queues."""
    return replace(settings, queue_type="quorum")


@pytest.fixture(scope="session")
def workers(broker: Broker, settings: Settings, quorum_settings: Settings) -> Iterator[Workers]:
    """Started together, and ended together with the success of their shutdowns checked."""
    queues = f"--queues={settings.queue()}"
    started = Workers(
        Worker(replace(settings, backend=CHORDS), "classic", "--concurrency=2", "-E", queues),
        neighbour(settings),
        Worker(quorum_settings, "quorum", "--pool=solo"),
    )
    try:
        for worker in started.all():
            worker.expect_ready()
        yield started
        for worker in started.all():
            worker.ask_to_stop()
        for worker in started.all():
            worker.expect_stopped()
    finally:
        for worker in started.all():
            worker.end()
        forget(broker, settings, quorum_settings)


def neighbour(settings: Settings) -> Worker:
    """Starts a worker of which there is one at a time."""
    return Worker(settings, "neighbour", "--pool=solo", f"--queues={settings.queue('urgent')}")


def forget(broker: Broker, settings: Settings, quorum_settings: Settings) -> None:
    """Deletes what workers leave behind by design: their durable queues and exchanges."""
    queues = [settings.queue(label) for label in ("tasks", "crashing", "urgent")]
    parameters = pika.ConnectionParameters(broker.host, broker.port)
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        for queue in [*queues, quorum_settings.queue()]:
            channel.queue_delete(queue)
        for exchange in (settings.exchange(), quorum_settings.exchange()):
            channel.exchange_delete(exchange)


@pytest.fixture(scope="session")
def app(workers: Workers, settings: Settings) -> Iterator[Celery]:
    """Who calls tasks, with a worker that serves them."""
    yield from running(settings)


@pytest.fixture(scope="session")
def quorum_app(workers: Workers, quorum_settings: Settings) -> Iterator[Celery]:
    """The same with quorum queues."""
    yield from running(quorum_settings)


@pytest.fixture(scope="session")
def chord_app(workers: Workers, settings: Settings) -> Iterator[Celery]:
    """The same with the backend that lets chords be."""
    yield from running(replace(settings, backend=CHORDS))


def running(settings: Settings) -> Iterator[Celery]:
    """An application that is closed at the end."""
    made = application(settings)
    yield made
    with suppress(AttributeError):
        # Nobody has asked for a result yet when there is no connection.
        made.backend.result_consumer.stop()
    # A client that does not read any more would hold up the end of the broker.
    made.pool.force_close_all()
    made.close()


def serve(app: Celery, worker: Worker, queue: str) -> None:
    """Lets one worker consume from a queue that nobody serves, and waits until it does."""
    assert app.control.add_consumer(queue, destination=[worker.node], reply=True, limit=1)
    expect_consumers(app, queue, 1)


def leave(app: Celery, worker: Worker, queue: str) -> None:
    """The other way round; a worker answers before it has done either."""
    assert app.control.cancel_consumer(queue, [worker.node], reply=True, limit=1)
    expect_consumers(app, queue, 0)


def expect_consumers(app: Celery, queue: str, count: int) -> None:
    """Waits until the broker says so; the guard of every test ends a wait that is in vain."""
    with app.connection_for_read() as connection:
        channel = connection.default_channel
        while channel.queue_declare(queue, passive=True).consumer_count != count:
            time.sleep(0.01)
