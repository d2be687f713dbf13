"""`haremq migrate` with a real RabbitMQ as the source: a hundred thousand messages, killed in the middle."""

from __future__ import annotations

import json
import os
import subprocess
import time
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from harness.broker import Broker, binary_path, own_broker
from harness.rabbitmq import NotInstalled, RabbitMq, running_rabbitmq

QUEUES = 20
MESSAGES = 5_000
# Its start alone may take as long as a start of RabbitMQ does.
pytestmark = pytest.mark.guard(240)


@pytest.fixture(scope="module")
def rabbitmq() -> Iterator[RabbitMq]:
    if os.environ.get("AMQP_ORACLE_PORT"):
        pytest.skip("the target must be a HareMQ")
    try:
        with running_rabbitmq() as running:
            yield running
    except NotInstalled as error:
        if os.environ.get("CI"):
            pytest.fail(f"migrating from RabbitMQ cannot be tested: {error}")
        pytest.skip(f"migrating from RabbitMQ is not tested: {error}")


@pytest.fixture
def target() -> Iterator[Broker]:
    with own_broker([]) as running:
        yield running


def channel_to(port: int) -> BlockingChannel:
    parameters = pika.ConnectionParameters("127.0.0.1", port, heartbeat=0)
    return pika.BlockingConnection(parameters).channel()


def command(rabbitmq: RabbitMq, target: Broker, state: Path, *more: str) -> list[str]:
    to = f"http://guest:guest@127.0.0.1:{target.management_port}"
    line = [str(binary_path()), "migrate", "--from", rabbitmq.api, "--to", to, "--yes", "--json"]
    return [*line, "--state", str(state), *more]


def migrate(rabbitmq: RabbitMq, target: Broker, state: Path, *more: str) -> dict[str, Any]:
    ran = subprocess.run(command(rabbitmq, target, state, *more), capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran
    report: dict[str, Any] = json.loads(ran.stdout)
    assert report["good"], report
    return report


def put(rabbitmq: RabbitMq, path: str, body: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"http://127.0.0.1:{rabbitmq.management_port}/api/{path}", json.dumps(body).encode(), method="PUT"
    )
    request.add_header("authorization", "Basic " + b64encode(b"guest:guest").decode())
    request.add_header("content-type", "application/json")
    urllib.request.urlopen(request, timeout=10).close()


def depth(channel: BlockingChannel, queue: str) -> int:
    return int(channel.queue_declare(queue, passive=True).method.message_count)


def drained(channel: BlockingChannel, queue: str) -> list[bytes]:
    """Every message, taken out."""
    bodies = []
    for _ in range(depth(channel, queue)):
        _, _, body = channel.basic_get(queue, auto_ack=True)
        assert body is not None
        bodies.append(body)
    return bodies


def consumed(port: int, queues: list[str], count: int) -> dict[str, list[bytes]]:
    """So many messages of several queues, taken out, in the order of each."""
    channel = channel_to(port)
    found: dict[str, list[bytes]] = {queue: [] for queue in queues}
    left = count

    def take(_channel: Any, method: Any, _properties: Any, body: bytes) -> None:
        nonlocal left
        found[method.consumer_tag].append(body)
        left -= 1
        if left == 0:
            channel.stop_consuming()

    for queue in queues:
        channel.basic_consume(queue, take, auto_ack=True, consumer_tag=queue)
    if count:
        channel.start_consuming()
    channel.connection.close()
    return found


def test_a_killed_migration_goes_on_and_loses_and_doubles_nothing(
    rabbitmq: RabbitMq, target: Broker, tmp_path: Path
) -> None:
    queues = [f"backlog {number}" for number in range(QUEUES)]
    wanted = {queue: [f"{queue}: {n}".encode() for n in range(MESSAGES)] for queue in queues}
    source = channel_to(rabbitmq.port)
    for queue in queues:
        source.queue_declare(queue, durable=True)
        for n, body in enumerate(wanted[queue]):
            mode = pika.BasicProperties(delivery_mode=1 + n % 2, headers={"n": n})
            source.basic_publish("", queue, body, mode)
    # What was published before is there when a question is answered; some of it may be on its way to its queue.
    while sum(depth(source, queue) for queue in queues) < QUEUES * MESSAGES:
        time.sleep(0.1)

    state = tmp_path / "state.json"
    running = subprocess.Popen(
        command(rabbitmq, target, state, "--batch", "500"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    watcher = channel_to(target.port)
    while moved_so_far(watcher.connection, queues) < 30_000:
        assert running.poll() is None, running.communicate()
    running.kill()
    running.communicate()
    before = moved_so_far(watcher.connection, queues)
    assert 30_000 <= before < QUEUES * MESSAGES

    report = migrate(rabbitmq, target, state)
    totals = report["totals"]
    there = sum(depth(watcher, queue) for queue in queues)
    assert totals["moved"] == there, report
    arrived = consumed(target.port, queues, there)
    doubles = 0
    for queue in queues:
        first_of_each = list(dict.fromkeys(arrived[queue]))
        doubles += len(arrived[queue]) - len(first_of_each)
        assert first_of_each == wanted[queue], f"{queue}: something is missing or out of order"
    assert doubles <= totals["possibly_double"], report
    assert doubles == 0, "every batch is recognised by its claim"
    assert sum(depth(source, queue) for queue in queues) == 0
    for one in (source, watcher):
        one.connection.close()
    print(f"killed after {before} messages; {totals}")


def moved_so_far(connection: pika.BlockingConnection, queues: list[str]) -> int:
    """0 as long as the queues are not there: such a question closes its channel."""
    channel = connection.channel()
    try:
        return sum(depth(channel, queue) for queue in queues)
    except pika.exceptions.ChannelClosedByBroker:
        return 0
    finally:
        if channel.is_open:
            channel.close()


def test_every_kind_of_queue_arrives_as_it_was(rabbitmq: RabbitMq, target: Broker, tmp_path: Path) -> None:
    source = channel_to(rabbitmq.port)
    source.exchange_declare("orders", "topic", durable=True)
    source.queue_declare("kind quorum", durable=True, arguments={"x-queue-type": "quorum"})
    source.queue_declare("kind priority", durable=True, arguments={"x-max-priority": 9})
    source.queue_declare("kind single", durable=True, arguments={"x-single-active-consumer": True})
    source.queue_declare("kind stream", durable=True, arguments={"x-queue-type": "stream"})
    source.queue_declare("kind passing", auto_delete=True)
    for queue in ("quorum", "priority", "single"):
        source.queue_bind(f"kind {queue}", "orders", "eu.#")
    put(rabbitmq, "policies/%2F/ttl", {"pattern": "^kind", "definition": {"message-ttl": 3_600_000}})
    source.confirm_delivery()
    for priority in (1, 9, 5):
        properties = pika.BasicProperties(priority=priority, headers={"tries": [1, None, {"a": -7}]}, expiration="900000")
        source.basic_publish("orders", "eu.new", str(priority).encode(), properties, mandatory=True)
    # One that was redelivered: a quorum queue counts that in a header of its own.
    channel = channel_to(rabbitmq.port)
    channel.basic_get("kind quorum")
    channel.connection.close()

    report = migrate(rabbitmq, target, tmp_path / "state.json", "--queue", "^kind")
    assert {one["queue"] for one in report["skipped"]} == {"kind stream", "kind passing"}
    assert report["totals"]["moved"] == 9
    assert any("kind stream" in note for note in report["notes"])
    arrived = channel_to(target.port)
    for queue, wanted in (("quorum", [b"1", b"9", b"5"]), ("priority", [b"9", b"5", b"1"]), ("single", [b"1", b"9", b"5"])):
        for body in wanted:
            method, properties, found = arrived.basic_get(f"kind {queue}", auto_ack=True)
            assert (found, method.routing_key) == (body, "eu.new")
            assert properties.headers == {"tries": [1, None, {"a": -7}]}
            assert (properties.priority, properties.expiration) == (int(body), "900000")
        assert drained(arrived, f"kind {queue}") == []
    for one in (source, arrived):
        one.connection.close()
