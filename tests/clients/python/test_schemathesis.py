"""schemathesis makes requests of the API's own description, good ones and bad ones: none may end in a 500."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from pathlib import Path

import pika
import pytest
from harness.broker import Broker, own_broker

CONFIG = Path(__file__).with_name("schemathesis.toml")
TOOL = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "st"
# What ends the node, or takes its listeners away from the requests that follow.
LEFT_OUT = "^/haremq/node/"
# HAREMQ_SCHEMATHESIS_SECONDS asks for a longer run, and HAREMQ_SCHEMATHESIS_SEED for another.
SECONDS = int(os.environ.get("HAREMQ_SCHEMATHESIS_SECONDS", "25"))
SEED = os.environ.get("HAREMQ_SCHEMATHESIS_SEED", "1")


def described(broker: Broker) -> int:
    """How many operations the document has, without those that are left out."""
    url = f"http://127.0.0.1:{broker.management_port}/api/openapi.json"
    with urllib.request.urlopen(url, timeout=10) as answer:
        paths = json.load(answer)["paths"]
    return sum(len(methods) for path, methods in paths.items() if not re.match(LEFT_OUT, path))


@pytest.mark.guard(2 * SECONDS + 90)
def test_no_request_ends_in_a_server_error(tmp_path: Path) -> None:
    with own_broker([]) as broker:
        command = [
            *(str(TOOL), "--config-file", str(CONFIG), "--no-color", "run"),
            f"http://127.0.0.1:{broker.management_port}/api/openapi.json",
            *("--auth", "guest:guest", "--checks", "not_a_server_error"),
            *("--phases", "coverage,fuzzing", "--max-examples", "4", "--max-time", str(SECONDS)),
            *("--seed", SEED, "--workers", "2", "--continue-on-failure", "--warnings", "off"),
            *("--exclude-path-regex", LEFT_OUT, "--request-timeout", "20"),
        ]
        done = subprocess.run(
            command, cwd=tmp_path, capture_output=True, text=True, timeout=2 * SECONDS + 60
        )
        assert done.returncode == 0, done.stdout + done.stderr
        tested = re.search(r"Tested: (\d+)", done.stdout)
        assert tested and int(tested[1]) == described(broker), done.stdout
        # And nobody else has noticed.
        with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port)) as connection:
            queue = connection.channel().queue_declare("", exclusive=True).method.queue
            assert queue.startswith("amq.gen-")
