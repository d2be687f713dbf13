#!/usr/bin/env python3
"""Makes the data folders in tests/data/formats with a broker of today.

    tests/data/make-formats.py BINARY

Run it once for a release, when the format of the definitions or of the message log has a new version, and never
for a version that is there: what an older broker wrote cannot be made again. A folder is kept as a compressed archive,
because a segment of the log is 16 MiB that are nearly all zero. tests/formats opens every archive that it finds and
expects in each what `furnish` puts there, so `furnish` must not change either.
"""

from __future__ import annotations

import base64
import json
import re
import signal
import struct
import subprocess
import sys
import tarfile
import tempfile
import urllib.request
from pathlib import Path

FORMATS = Path(__file__).resolve().parent / "formats"


class Broker:
    def __init__(self, binary: str, folder: Path) -> None:
        line = [binary, "--data-dir", str(folder), "--port", "0", "--bind", "127.0.0.1", "--log-level", "warn"]
        self.child = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
        assert self.child.stdout is not None
        ready = self.child.stdout.readline()
        found = re.search(r"management on [^ ;]*:(\d+)", ready)
        if not found:
            self.end(signal.SIGTERM)
            sys.exit(f"no management port: {ready}")
        self.api = f"http://127.0.0.1:{found[1]}/api/"

    def ask(self, method: str, path: str, body: object = None) -> object:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.api + path, data, method=method)
        request.add_header("authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
        request.add_header("content-type", "application/json")
        answer = urllib.request.urlopen(request, timeout=10).read()
        return json.loads(answer) if answer else None

    def end(self, how: signal.Signals) -> None:
        self.child.send_signal(how)
        self.child.wait(timeout=20)


def furnish(broker: Broker) -> None:
    """What every archive holds."""
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    broker.ask("PUT", "vhosts/shop", {"description": "kept", "tags": "eu"})
    broker.ask("PUT", "permissions/shop/guest", everything)
    broker.ask("PUT", "users/anna", {"password": "anna-pass", "tags": "monitoring"})
    broker.ask("PUT", "permissions/shop/anna", everything)
    broker.ask("PUT", "exchanges/shop/events", {"type": "topic", "durable": True})
    broker.ask("PUT", "queues/shop/orders", {"durable": True, "arguments": {"x-max-length": 1000}})
    broker.ask("PUT", "queues/shop/large", {"durable": True})
    broker.ask("POST", "bindings/shop/e/events/q/orders", {"routing_key": "eu.#"})
    broker.ask("PUT", "policies/shop/ttl", {"pattern": "^later", "definition": {"message-ttl": 1000}})
    for number in range(1, 6):
        publish(broker, "events", "eu.new", f"order {number}")
    for _ in range(2):
        broker.ask("POST", "queues/shop/orders/get", {"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"})
    # The acks are on disk with it, also when the broker is killed now.
    publish(broker, "", "large", "x" * 5000)


def publish(broker: Broker, exchange: str, key: str, payload: str) -> None:
    properties = {"delivery_mode": 2, "headers": {"kept": True}}
    body = {"routing_key": key, "payload": payload, "payload_encoding": "string", "properties": properties}
    name = exchange or "amq.default"
    answer = broker.ask("POST", f"exchanges/shop/{name}/publish", body)
    assert answer == {"routed": True}, answer


def versions(folder: Path) -> str:
    """As the folder itself says: definitions, then message log."""
    mirror = (folder / "definitions" / "definitions.json").read_text()
    found = re.search(r'"haremq_definitions":"([0-9.]+)"', mirror)
    assert found, mirror[:100]
    segment = sorted((folder / "messages").glob("*.segment"))[0].read_bytes()
    return f"definitions-{found[1]}-log-{struct.unpack('<I', segment[8:12])[0]}"


def main() -> None:
    FORMATS.mkdir(exist_ok=True)
    for how, name in ((signal.SIGTERM, "stopped"), (signal.SIGKILL, "killed")):
        with tempfile.TemporaryDirectory() as parent:
            folder = Path(parent) / "data"
            broker = Broker(sys.argv[1], folder)
            try:
                furnish(broker)
            finally:
                broker.end(how)
            archive = FORMATS / f"{versions(folder)}-{name}.tar.gz"
            if archive.exists():
                sys.exit(f"{archive} is there already: it is never made again")
            with tarfile.open(archive, "w:gz") as tar:
                for path in sorted(folder.rglob("*")):
                    if path.is_dir() or path.is_file():
                        tar.add(path, path.relative_to(folder), recursive=False)
            print(archive.name, archive.stat().st_size)


if __name__ == "__main__":
    main()
