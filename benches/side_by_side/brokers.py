"""The brokers: found, started on a port of their own, paused, stopped."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

START_SECONDS = 60.0
STOP_SECONDS = 20.0
HEADER = b"AMQP\x00\x00\x09\x01"


class BrokerError(Exception):
    """A broker does not start, or a run against it fails."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Broker:
    """One broker with a folder of its own. The process is a session leader, so all of it can be ended."""

    name: ClassVar[str]

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.port = 0
        self.process: subprocess.Popen[bytes] | None = None
        self.paused = False
        # From the start of the process to the first bytes of connection.start.
        self.start_seconds = 0.0

    @classmethod
    def find(cls, binary: Path) -> Path | None:
        raise NotImplementedError

    def command(self) -> list[str]:
        raise NotImplementedError

    def environment(self) -> dict[str, str]:
        # HareMQ must not find the files of a RabbitMQ of this machine.
        return {**os.environ, "HAREMQ_CONFIG_FOLDER": "/nowhere"}

    def version(self) -> str:
        raise NotImplementedError

    @property
    def uri(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2f"

    @property
    def pid(self) -> int:
        """The process whose CPU and memory count."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Starts it on an empty folder."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        log = (self.folder / "output.log").open("wb")
        start = time.monotonic()
        self.process = subprocess.Popen(
            self.command(),
            env=self.environment(),
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() - start > START_SECONDS:
                text = (self.folder / "output.log").read_text(errors="replace")[-2000:]
                self.stop()
                raise BrokerError(f"{self.name} does not start:\n{text}")
            time.sleep(0.001)
        self.start_seconds = time.monotonic() - start

    def answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as stream:
                stream.sendall(HEADER)
                return stream.recv(8)[:1] == b"\x01"
        except OSError:
            return False

    def is_running(self) -> bool:
        return self.process is not None

    def pause(self) -> None:
        if self.process is not None and not self.paused:
            os.killpg(self.process.pid, signal.SIGSTOP)
            self.paused = True

    def resume(self) -> None:
        if self.process is not None and self.paused:
            os.killpg(self.process.pid, signal.SIGCONT)
            self.paused = False

    def stop(self) -> None:
        """Ends it and everything that it started."""
        if self.process is None:
            return
        self.resume()
        process, self.process = self.process, None
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(STOP_SECONDS)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()

    def rss_bytes(self) -> int:
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        return 0


class HareMQ(Broker):
    name = "HareMQ"

    @classmethod
    def find(cls, binary: Path) -> Path | None:
        return binary

    def command(self) -> list[str]:
        data = str(self.folder / "data")
        ports = ["--port", str(self.port), "--management-port", "0", "--prometheus-port", "0"]
        return [str(self.program), "--bind", "127.0.0.1", *ports, "--data-dir", data]

    def version(self) -> str:
        return subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.split()[-1]


class RabbitMQ(Broker):
    name = "RabbitMQ"

    @classmethod
    def find(cls, binary: Path) -> Path | None:
        # The wrapper on the PATH changes the user and loses the environment.
        program = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
        return program if program.exists() else None

    def command(self) -> list[str]:
        return [str(self.program)]

    def environment(self) -> dict[str, str]:
        self.epmd_port = free_port()
        config = self.folder / "rabbitmq.conf"
        config.touch()
        plugins = self.folder / "enabled_plugins"
        plugins.write_text("[].\n")
        return dict(
            os.environ,
            # The Erlang cookie lies there.
            HOME=str(self.folder),
            ERL_EPMD_ADDRESS="127.0.0.1",
            ERL_EPMD_PORT=str(self.epmd_port),
            RABBITMQ_NODENAME=f"side-by-side-{self.port}@localhost",
            RABBITMQ_NODE_IP_ADDRESS="127.0.0.1",
            RABBITMQ_NODE_PORT=str(self.port),
            RABBITMQ_DIST_PORT=str(free_port()),
            RABBITMQ_BASE=str(self.folder),
            RABBITMQ_MNESIA_BASE=str(self.folder / "mnesia"),
            RABBITMQ_LOG_BASE=str(self.folder / "log"),
            RABBITMQ_CONFIG_FILE=str(config.with_suffix("")),
            RABBITMQ_ENABLED_PLUGINS_FILE=str(plugins),
            RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-kernel inet_dist_use_interface {127,0,0,1}",
        )

    @property
    def pid(self) -> int:
        """The Erlang machine below the scripts: the process of this session that runs beam."""
        assert self.process is not None
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                name = (entry / "comm").read_text().strip()
                if name == "beam.smp" and os.getsid(int(entry.name)) == self.process.pid:
                    return int(entry.name)
            except OSError:
                continue
        raise BrokerError("RabbitMQ has no beam process")

    def stop(self) -> None:
        if self.process is None:
            return
        super().stop()
        # The port mapper made itself a daemon of its own, on a port of this run's own.
        subprocess.run(
            ["epmd", "-port", str(self.epmd_port), "-kill"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def version(self) -> str:
        for path in Path("/usr/lib/rabbitmq/lib").glob("rabbitmq_server-*"):
            return path.name.partition("-")[2]
        return "unknown"


class LavinMQ(Broker):
    name = "LavinMQ"

    @classmethod
    def find(cls, binary: Path) -> Path | None:
        program = shutil.which("lavinmq")
        return Path(program) if program else None

    def command(self) -> list[str]:
        ports = [("--amqp-port", self.port)]
        ports += [(flag, free_port()) for flag in ("--http-port", "--mqtt-port", "--metrics-http-port")]
        flags = [part for flag, port in ports for part in (flag, str(port))]
        return [str(self.program), "--data-dir", str(self.folder / "data"), "--bind", "127.0.0.1", *flags]

    def version(self) -> str:
        return subprocess.run([self.program, "--version"], capture_output=True, text=True).stdout.split()[-1]
