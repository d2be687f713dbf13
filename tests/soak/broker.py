"""The broker under load, and the small disk below it."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

READY_SECONDS = 120
MOUNT = 'mount -t tmpfs -o size=192m tmpfs "$1" && echo mounted && exec cat'


class SmallDisk:
    """A file system in memory in a mount namespace of its own, which a process holds that ends with this one."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        reasons = []
        for way in (["--map-root-user", "--mount"], ["--mount"]):
            command = ["unshare", *way, "sh", "-c", MOUNT, "sh", str(folder)]
            pipe = subprocess.PIPE
            holder = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
            if holder.stdout.readline() == "mounted\n":
                self.holder = holder
                self.path = Path(f"/proc/{holder.pid}/root{folder}")
                return
            reasons.append(holder.communicate()[1].strip())
        raise SystemExit(f"soak: no small disk can be mounted ({'; '.join(reasons)}); use --disk")

    def fill(self) -> None:
        """Takes all room that is left, down to single pages."""
        with open(self.path / "ballast", "wb", buffering=0) as ballast:
            for size in (1 << 20, 1 << 12):
                try:
                    while ballast.write(bytes(size)) == size:
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        (self.path / "ballast").unlink(missing_ok=True)

    def end(self) -> None:
        self.holder.kill()
        self.holder.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Broker:
    """One data folder, and one process at a time on it, always on the same ports."""

    def __init__(self, binary: Path, data: Path, folder: Path, log: Path) -> None:
        self.binary, self.data, self.log = binary, data, log
        self.port, self.management_port, self.metrics_port = free_port(), free_port(), free_port()
        self.port_file = folder / "port"
        self.config = folder / "soak.conf"
        # The small disk is to become full, not to be spared.
        self.config.write_text("disk_free_limit.absolute = 1MB\n")
        self.child: subprocess.Popen[bytes] | None = None
        self.log.write_bytes(b"")

    def start(self) -> None:
        self.port_file.unlink(missing_ok=True)
        command = [str(self.binary), "--config", str(self.config), "--data-dir", str(self.data)]
        command += ["--bind", "127.0.0.1", "--port", str(self.port), "--port-file", str(self.port_file)]
        command += ["--management-port", str(self.management_port)]
        command += ["--prometheus-port", str(self.metrics_port), "--log-level", "warn"]
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=os.environ.copy()
            )
        deadline = time.monotonic() + READY_SECONDS
        while not self.port_file.exists():
            if self.child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"soak: the broker did not start; {self.log} has what it said")
            time.sleep(0.02)

    def stop(self) -> None:
        """A clean end."""
        self.child.terminate()
        code = self.child.wait(timeout=READY_SECONDS)
        if code != 0:
            raise SystemExit(f"soak: a clean stop ended with {code}; {self.log} has what it said")

    def kill(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.wait()

    def is_running(self) -> bool:
        return self.child is not None and self.child.poll() is None
