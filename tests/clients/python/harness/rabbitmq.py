"""Starts a RabbitMQ that is installed on this machine, on folders and ports of its own, and ends it without a trace."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

START_SECONDS = 60.0
# The package's wrapper changes the user and the folder; what it wraps does not.
SCRIPTS = Path("/usr/lib/rabbitmq/bin")


class NotInstalled(Exception):
    """There is no RabbitMQ here."""


@dataclass(frozen=True)
class RabbitMq:
    """A running one; its user is guest."""

    port: int
    management_port: int

    @property
    def api(self) -> str:
        return f"http://guest:guest@127.0.0.1:{self.management_port}"


def is_installed() -> bool:
    return (SCRIPTS / "rabbitmq-server").is_file() and shutil.which("epmd") is not None


@contextmanager
def running_rabbitmq() -> Iterator[RabbitMq]:
    """Yields one that answers on both ports."""
    server = SCRIPTS / "rabbitmq-server"
    epmd = shutil.which("epmd")
    if not is_installed() or epmd is None:
        raise NotInstalled("there is no rabbitmq-server on this machine (Debian: apt-get install rabbitmq-server)")
    port, management, distribution, names = free_ports(4)
    with tempfile.TemporaryDirectory(prefix="haremq-rabbitmq-") as folder:
        environment = settings(Path(folder), port, management, distribution, names)
        output = (Path(folder) / "output").open("w+")
        child = subprocess.Popen(
            [str(server)],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            wait_until_it_answers(child, management, Path(folder) / "output")
            yield RabbitMq(port, management)
        finally:
            end(child)
            # The name service outlives its last node, and is asked to go on the port that is only its own.
            subprocess.run([epmd, "-port", str(names), "-kill"], capture_output=True, timeout=10, check=False)
            output.close()


def settings(folder: Path, port: int, management: int, distribution: int, names: int) -> dict[str, str]:
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{port}\n"
        f"management.tcp.port = {management}\nmanagement.tcp.ip = 127.0.0.1\n"
        "vm_memory_high_watermark.relative = 0.6\ndisk_free_limit.absolute = 1MB\n"
    )
    (folder / "plugins").write_text("[rabbitmq_management].\n")
    return {
        **os.environ,
        "HOME": str(folder),
        "RABBITMQ_NODENAME": f"haremq-{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port),
        "RABBITMQ_DIST_PORT": str(distribution),
        "ERL_EPMD_PORT": str(names),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
    }


def free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_until_it_answers(child: subprocess.Popen[bytes], management: int, output: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{management}/", timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            pass
        if child.poll() is not None or time.monotonic() > deadline:
            raise AssertionError(f"RabbitMQ did not start:\n{output.read_text(errors='replace')}")
        time.sleep(0.2)


def end(child: subprocess.Popen[bytes]) -> None:
    """SIGTERM is a clean end for Erlang; its whole group goes at the latest after a while."""
    if child.poll() is None:
        os.killpg(child.pid, signal.SIGTERM)
    try:
        child.wait(timeout=20)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
