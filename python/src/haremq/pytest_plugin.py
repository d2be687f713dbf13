"""The pytest plugin: one broker for the whole run, a virtual host for each test.

With pytest-xdist the controller starts the broker and tells its workers where it is, so that all of
them share one and it ends with the run. Without, the first test that asks for it starts it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from ._broker import Broker
from ._errors import BrokerError, HaremqError
from ._settings import parse_config
from ._vhost import Vhost

# What the controller hands to its workers under this name.
HANDED = "haremq"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of the command line, and of pytest.ini or pyproject.toml."""
    group = parser.getgroup("haremq", "HareMQ, an AMQP broker for tests")
    group.addoption(
        "--haremq-url",
        metavar="URL",
        help="use the broker with this management API, http://user:password@host:port; it must "
        "run with --test-api",
    )
    group.addoption("--haremq-binary", metavar="FILE", help="start this program")
    parser.addini("haremq_url", "as --haremq-url")
    parser.addini("haremq_binary", "as --haremq-binary")
    parser.addini("haremq_config", "lines for the broker's configuration", type="linelist")


def pytest_configure(config: pytest.Config) -> None:
    """Remembers where the broker comes from; starts nothing."""
    config.stash[SHARED] = Shared(config)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Ends the broker, if it was started here; xdist has ended its workers by then."""
    fault = session.config.stash[SHARED].close()
    if fault and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Says what was wrong with the end of the broker."""
    fault = config.stash[SHARED].fault
    if fault:
        terminalreporter.section("haremq", red=True)
        terminalreporter.write_line(fault)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells a worker of xdist where the broker is. Called in the controller, once per worker."""
    node.workerinput[HANDED] = node.config.stash[SHARED].hand_over()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Shows what is in the virtual host of a test that failed, before it is deleted."""
    outcome: Any = yield
    report = outcome.get_result()
    vhost = getattr(item, "funcargs", {}).get("haremq_vhost")
    if report.when == "call" and report.failed and isinstance(vhost, Vhost):
        try:
            summary = vhost.contents().summary()
        except HaremqError as error:
            summary = str(error)
        report.sections.append((f"haremq: virtual host {vhost.name}", summary))


class Shared:
    """The broker of the run: started here, told by the controller, or named by the user."""

    def __init__(self, config: pytest.Config) -> None:
        """Reads the options."""
        self._handed: dict[str, Any] | None = getattr(config, "workerinput", {}).get(HANDED)
        self._url: str = config.getoption("--haremq-url") or config.getini("haremq_url")
        self._binary: str = config.getoption("--haremq-binary")
        if not self._binary and config.getini("haremq_binary"):
            # In a file that lies in the project, a path is meant from there.
            self._binary = str(config.rootpath / config.getini("haremq_binary"))
        self._config: list[str] = config.getini("haremq_config")
        self._broker: Broker | None = None
        self.fault = ""

    def broker(self) -> Broker:
        """The broker, started now if that is needed.

        Raises:
            HaremqError: it did not start, here or in the controller, or it cannot be reached.
        """
        if self._broker is None:
            self._broker = self._open()
        return self._broker

    def _open(self) -> Broker:
        if self._handed is not None:
            if "error" in self._handed:
                raise BrokerError(self._handed["error"])
            return Broker.connect(
                self._handed["url"], port=self._handed["port"], log_path=self._handed["log_path"]
            )
        if self._url:
            return Broker.connect(self._url)
        return self.own()

    def own(self) -> Broker:
        """A fresh broker, with the binary and configuration of the run."""
        return Broker.start(binary=self._binary or None, config=parse_config(self._config))

    def hand_over(self) -> dict[str, Any]:
        """What a worker needs to use the broker; an error is for the tests that ask for it."""
        try:
            return self.broker().handle()
        except (HaremqError, ValueError, OSError) as error:
            return {"error": str(error)}

    def close(self) -> str:
        """Ends the broker, if it was started here; what was wrong with that, or nothing."""
        broker, self._broker = self._broker, None
        if broker is not None:
            try:
                broker.stop()
            except BrokerError as error:
                self.fault = str(error)
        return self.fault


SHARED = pytest.StashKey[Shared]()


@pytest.fixture(scope="session")
def haremq(pytestconfig: pytest.Config) -> Broker:
    """The broker of this run, shared by all tests and by all workers of xdist."""
    return pytestconfig.stash[SHARED].broker()


@pytest.fixture
def haremq_vhost(haremq: Broker) -> Iterator[Vhost]:
    """A virtual host for this test alone, with a user; both are deleted after it."""
    with haremq.vhost() as vhost:
        yield vhost


@pytest.fixture
def haremq_own(pytestconfig: pytest.Config) -> Iterator[Broker]:
    """A broker for this test alone: for its clock, and for faults of the whole broker."""
    with pytestconfig.stash[SHARED].own() as broker:
        yield broker
