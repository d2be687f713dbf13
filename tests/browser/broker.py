"""A fresh HareMQ with its management pages on a free port, and its HTTP API for what a test sets up beforehand."""

from __future__ import annotations

import base64
import json
import os
import re
import signal
import subprocess
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pika

STOP_SECONDS = 10.0
READY = re.compile(r"AMQP on 127\.0\.0\.1:(\d+).*management on 127\.0\.0\.1:(\d+)")


class Broker:
    """A running broker."""

    def __init__(self, child: subprocess.Popen[str], amqp: int, management: int) -> None:
        self.child, self.amqp, self.management = child, amqp, management

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.management}/"

    def connect(self, name: str = "test", **options: Any) -> pika.BlockingConnection:
        properties = {"connection_name": name, **options.pop("client_properties", {})}
        parameters = pika.ConnectionParameters("127.0.0.1", self.amqp, client_properties=properties, **options)
        return pika.BlockingConnection(parameters)

    def api(self, method: str, *path: str, body: Any = None, user: str = "guest", password: str = "guest") -> Any:
        """Asks the API; the parts of the path may hold anything."""
        address = f"{self.url}api/{'/'.join(quote(part, safe='?=&,') for part in path)}"
        request = urllib.request.Request(address, method=method)
        request.add_header("authorization", "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode())
        data = None if body is None else json.dumps(body).encode()
        with urllib.request.urlopen(request, data, timeout=20) as answer:
            text = answer.read()
        return json.loads(text) if text else None

    def stop(self) -> None:
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
        self.child.wait(STOP_SECONDS)


@contextmanager
def running(*lines: str) -> Iterator[Broker]:
    """A broker with these lines of configuration, nothing on disk."""
    with tempfile.TemporaryDirectory(prefix="haremq-browser-") as folder:
        config = Path(folder) / "haremq.conf"
        config.write_text("\n".join(lines) + "\n")
        command = [os.environ["HAREMQ_BIN"], "--port", "0", "--bind", "127.0.0.1", "--ephemeral"]
        command += ["--log-level", "warn", "--config", str(config)]
        with (Path(folder) / "log").open("w+") as log:
            child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, "HAREMQ_CONFIG_FOLDER": "/nowhere"},
            )
            assert child.stdout is not None
            line = child.stdout.readline()
            found = READY.search(line)
            if not found:
                child.kill()
                log.seek(0)
                raise AssertionError(f"the broker did not start: {line}{log.read()}")
            broker = Broker(child, int(found[1]), int(found[2]))
            try:
                yield broker
            finally:
                broker.stop()
                child.stdout.close()
            log.seek(0)
            assert "panicked" not in (said := log.read()), said
