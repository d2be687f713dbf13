"""The names under which RabbitMQ's command line is called, all of them this broker's program."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from harness.broker import binary_path

NAMES = ("rabbitmqctl", "rabbitmq-plugins", "rabbitmq-diagnostics", "rabbitmq-queues")


@dataclass(frozen=True)
class Tools:
    """Runs lines as a person types them, against the broker of one data folder."""

    links: Path
    data: Path

    @classmethod
    def make(cls, links: Path, data: Path) -> Tools:
        links.mkdir()
        for name in NAMES:
            (links / name).symlink_to(binary_path())
        return cls(links, data)

    def run(self, line: str) -> str:
        """What the line printed; it must succeed."""
        done = self.attempt(line)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    def attempt(self, line: str) -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "PATH": f"{self.links}:{os.environ['PATH']}",
            "HAREMQ_DATA_DIR": str(self.data),
            "HAREMQ_CONFIG_FOLDER": "/nowhere",
        }
        environment.pop("HAREMQ_URL", None)
        return subprocess.run(
            line, shell=True, env=environment, capture_output=True, text=True, timeout=10
        )
