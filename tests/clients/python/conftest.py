"""Fixtures: the broker of the session, and per test a connection, a channel and fresh names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

# Their assertions shall print what they compared, as those in the test files do.
pytest.register_assert_rewrite("harness.programs", "harness.refusals")

from harness.broker import Broker, BrokerError, running_broker  # noqa: E402
from harness.closes import CloseRecorder  # noqa: E402
from harness.names import Names  # noqa: E402
from harness.programs import Programs  # noqa: E402
from harness.waiting import GUARD_SECONDS, guard  # noqa: E402

Connect = Callable[..., BlockingConnection]


@pytest.fixture(scope="session")
def broker() -> Iterator[Broker]:
    """The broker under test; its clean end is checked when the session is over."""
    try:
        with running_broker() as running:
            yield running
    except BrokerError as error:
        # Said once and loudly, not again by each of the tests that need it.
        pytest.exit(str(error), returncode=1)


@pytest.fixture(autouse=True)
def guarded(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test may hang: an answer that never comes is a failure, not a stuck run."""
    marker = request.node.get_closest_marker("guard")
    with guard(marker.args[0] if marker else GUARD_SECONDS):
        yield


@pytest.fixture(scope="session")
def janitor(broker: Broker) -> Iterator[BlockingConnection]:
    """The connection that removes what tests leave behind; idle for long, so no heartbeats."""
    parameters = pika.ConnectionParameters(broker.host, broker.port, heartbeat=0)
    connection = pika.BlockingConnection(parameters)
    yield connection
    connection.close()


@pytest.fixture
def names(janitor: BlockingConnection) -> Iterator[Names]:
    """Unique names, deleted on the broker when the test is over."""
    fresh = Names()
    yield fresh
    fresh.clean_up(janitor)


@pytest.fixture
def connect(broker: Broker, names: Names) -> Iterator[Connect]:
    """Opens connections with any parameter of pika.

    It needs `names` only so that its connections are closed before the names are deleted.
    """
    opened: list[BlockingConnection] = []

    def open_connection(**parameters: Any) -> BlockingConnection:
        settings = {"host": broker.host, "port": broker.port, **parameters}
        connection = pika.BlockingConnection(pika.ConnectionParameters(**settings))
        opened.append(connection)
        return connection

    yield open_connection
    for connection in opened:
        if connection.is_open:
            connection.close()


@pytest.fixture
def connection(connect: Connect) -> BlockingConnection:
    """One connection with pika's defaults."""
    return connect()


@pytest.fixture
def channel(connection: BlockingConnection) -> BlockingChannel:
    """One channel on the test's connection."""
    return connection.channel()


@pytest.fixture
def programs(broker: Broker, names: Names) -> Iterator[Programs]:
    """Runs the programs of the course; whichever is still running at the end is ended."""
    runner = Programs(broker.port, names.suffix)
    yield runner
    runner.end_all()


@pytest.fixture
def closes(monkeypatch: pytest.MonkeyPatch) -> CloseRecorder:
    """Records every channel.close and connection.close with its class and method ids."""
    return CloseRecorder.install(monkeypatch)
