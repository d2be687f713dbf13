"""Starts the broker under test, or points at one that runs already.

Only the standard library is used here, because the runner imports this file before the virtual
environment exists.
"""

from __future__ import annotations

import os
import queue
import re
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[4]
STARTED = "Server startup complete"
GUARD_SECONDS = 10.0


class BrokerError(AssertionError):
    """The broker did not start, or did not end, as it must."""


@dataclass(frozen=True)
class Broker:
    """Where the broker listens, and whether it is RabbitMQ standing in as the oracle."""

    host: str
    port: int
    is_oracle: bool
    tls_port: int = 0
    management_port: int = 0


@contextmanager
def running_broker() -> Iterator[Broker]:
    """Yields a broker: the one at AMQP_ORACLE_PORT if that is set, else a fresh HareMQ."""
    oracle_port = os.environ.get("AMQP_ORACLE_PORT")
    if oracle_port:
        yield Broker("127.0.0.1", int(oracle_port), is_oracle=True)
        return
    with tempfile.TemporaryDirectory(prefix="haremq-clients-") as folder:
        process = _Process.start(Path(folder) / "port", "--port", "0", "--ephemeral")
        try:
            yield Broker("127.0.0.1", process.port, is_oracle=False)
        finally:
            process.stop()


class LastingBroker:
    """A HareMQ that keeps its data and its port when it is killed and started again."""

    host = "127.0.0.1"

    def __init__(self, folder: Path) -> None:
        self._port_file = folder / "port"
        self.folder = folder / "data"
        self._data = ("--data-dir", str(self.folder))
        self._process = _Process.start(self._port_file, "--port", "0", *self._data)
        self.port = self._process.port
        self.management_port = self._process.management_port()

    def kill(self) -> None:
        """Ends it without a warning."""
        self._process.kill()

    def start(self) -> None:
        """Starts it again after a kill."""
        self._port_file.unlink()
        self._process = _Process.start(self._port_file, "--port", str(self.port), *self._data)

    def stop(self) -> None:
        """The clean end."""
        self._process.stop()


@contextmanager
def own_broker(config_lines: list[str]) -> Iterator[Broker]:
    """A fresh HareMQ with these lines in its configuration, whatever the other tests run against."""
    with tempfile.TemporaryDirectory(prefix="haremq-clients-") as folder:
        config = Path(folder) / "haremq.conf"
        config.write_text("\n".join(config_lines) + "\n")
        options = ("--port", "0", "--ephemeral", "--config", str(config))
        process = _Process.start(Path(folder) / "port", *options)
        try:
            yield Broker(
                "127.0.0.1",
                process.port,
                is_oracle=False,
                tls_port=process.tls_port(),
                management_port=process.management_port(),
            )
        finally:
            process.stop()


def binary_path() -> Path:
    """The broker binary: HAREMQ_BIN, else the debug build of this checkout."""
    given = os.environ.get("HAREMQ_BIN")
    path = Path(given) if given else REPOSITORY / "target" / "debug" / "haremq"
    if not path.is_file():
        raise BrokerError(f"there is no broker binary at {path}; build it or set HAREMQ_BIN")
    return path.resolve()


@dataclass
class _Process:
    """One HareMQ process whose whole output is read, so that a full pipe can never stop it."""

    child: subprocess.Popen[str]
    port: int = 0
    output: list[str] = field(default_factory=list)
    lines: queue.Queue[str | None] = field(default_factory=queue.Queue)
    reader: threading.Thread | None = None

    @classmethod
    def start(cls, port_file: Path, *options: str) -> _Process:
        command = [str(binary_path()), *options, "--port-file", str(port_file)]
        command += ["--bind", "127.0.0.1", "--log-level", "warn"]
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # It must not find the files of a RabbitMQ of this machine.
            env={**os.environ, "HAREMQ_CONFIG_FOLDER": "/nowhere"},
        )
        process = cls(child)
        process.reader = threading.Thread(target=process._read, daemon=True)
        process.reader.start()
        try:
            process._expect_started()
            process.port = int(port_file.read_text().strip())
        except BaseException:
            child.kill()
            child.wait()
            raise
        return process

    def _read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.output.append(line)
            self.lines.put(line)
        self.lines.put(None)

    def _expect_started(self) -> None:
        deadline = time.monotonic() + GUARD_SECONDS
        while True:
            try:
                line = self.lines.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise BrokerError(self._with_output(f"no line {STARTED!r}")) from None
            if line is None:
                raise BrokerError(self._with_output(f"it ended before {STARTED!r}"))
            if STARTED in line:
                return

    def kill(self) -> None:
        """Ends it at once; what it printed until then is read to its end."""
        self.child.kill()
        self.child.wait()
        assert self.reader is not None
        self.reader.join(timeout=GUARD_SECONDS)

    def tls_port(self) -> int:
        """The port that the ready line marks with (TLS); 0 when it marks none."""
        found = re.search(r":(\d+) \(TLS\)", "".join(self.output))
        return int(found[1]) if found else 0

    def management_port(self) -> int:
        """The port on which the ready line says that the management API is."""
        found = re.search(r"management on [^ ;]*:(\d+)", "".join(self.output))
        return int(found[1]) if found else 0

    def stop(self) -> None:
        """A clean end is part of what is tested: SIGTERM, exit code 0, no panic on the way."""
        died_early = self.child.poll() is not None
        if not died_early:
            self.child.send_signal(signal.SIGTERM)
        try:
            code = self.child.wait(timeout=GUARD_SECONDS)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            raise BrokerError(self._with_output("it did not end after SIGTERM")) from None
        assert self.reader is not None
        self.reader.join(timeout=GUARD_SECONDS)
        if any("panicked" in line for line in self.output):
            raise BrokerError(self._with_output("it panicked"))
        if died_early or code != 0:
            raise BrokerError(self._with_output(f"it ended with code {code}"))

    def _with_output(self, fault: str) -> str:
        return f"broker: {fault}; its output:\n{''.join(self.output)}"
