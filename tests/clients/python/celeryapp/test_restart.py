"""A broker that is killed and started again: clients come back, and durable tasks are there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kombu import Connection, Queue

from celeryapp.application import Settings
from celeryapp.conftest import expect_consumers, running, serve
from harness.broker import Broker, LastingBroker
from harness.workers import Worker

SECONDS = 15.0
AT_ONCE = {"max_retries": 50, "interval_start": 0, "interval_step": 0.05, "interval_max": 0.2}


@pytest.fixture
def lasting(broker: Broker, tmp_path: Path) -> Iterator[LastingBroker]:
    if broker.is_oracle:
        pytest.skip("it is not ours to kill")
    started = LastingBroker(tmp_path)
    yield started
    started.stop()


def url(broker: LastingBroker) -> str:
    return f"amqp://guest:guest@{broker.host}:{broker.port}//"


def test_a_publisher_that_retries_comes_back_and_finds_its_messages(
    lasting: LastingBroker,
) -> None:
    with Connection(url(lasting), transport_options={"confirm_publish": True}) as connection:
        queue = Queue("kept")
        producer = connection.Producer()
        for n in range(10):
            producer.publish(n, routing_key=queue.name, declare=[queue])
        lasting.kill()
        lasting.start()
        producer.publish(10, routing_key=queue.name, retry=True, retry_policy=AT_ONCE)
        connection.ensure_connection(max_retries=1)
        kept = connection.SimpleQueue(queue)
        assert [kept.get(timeout=SECONDS).payload for _ in range(11)] == list(range(11))
        kept.close()


@pytest.mark.guard(40)
def test_a_worker_comes_back_and_serves_what_was_kept(lasting: LastingBroker) -> None:
    settings = Settings(url(lasting), "restart")
    queue = settings.queue("crashing")
    worker = Worker(settings, "lasting", "--pool=solo", f"--queues={settings.queue()}")
    try:
        worker.expect_ready()
        for app in running(settings):
            assert app.signature("add", args=(1, 1)).delay().get(timeout=SECONDS) == 2
            tasks = [app.signature("add", args=(n, n)) for n in range(20)]
            results = [task.apply_async(queue=queue) for task in tasks]
            lasting.kill()
            worker.expect("Connection to broker lost")
            lasting.start()
            # The queue for results ended with the broker; calling a task declares it again.
            assert app.signature("add", args=(2, 2)).delay().get(timeout=SECONDS) == 4
            expect_consumers(app, settings.queue(), 1)
            serve(app, worker, queue)
            assert [result.get(timeout=SECONDS) for result in results] == [2 * n for n in range(20)]
        worker.ask_to_stop()
        worker.expect_stopped()
    finally:
        worker.end()
