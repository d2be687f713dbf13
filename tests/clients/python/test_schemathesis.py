"""schemathesis makes requests of the API's own description, good ones and bad ones: none may end in a 500."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from base64 import b64encode
from pathlib import Path

import pika
import pytest
from harness.broker import Broker, own_broker

CONFIG = Path(__file__).with_name("schemathesis.toml")
TOOL = Path(__file__).resolve().parents[1] / ".venv" / "bin" / "st"
# What ends the node, or takes its listeners away from the requests that follow.
LEFT_OUT = "^/haremq/node/"
# It learns names from answers and would soon delete the user it comes as, or forbid it channels: these are asked last.
USERS = "^/(users|user-limits)/"
# HAREMQ_SCHEMATHESIS_SECONDS asks for a longer run, and HAREMQ_SCHEMATHESIS_SEED for another.
SECONDS = int(os.environ.get("HAREMQ_SCHEMATHESIS_SECONDS", "20"))
SEED = os.environ.get("HAREMQ_SCHEMATHESIS_SEED", "1")


def described(broker: Broker) -> int:
    """How many operations the document has, without itself and those that are left out."""
    url = f"http://127.0.0.1:{broker.management_port}/api/openapi.json"
    with urllib.request.urlopen(url, timeout=10) as answer:
        paths = json.load(answer)["paths"]
    paths.pop("/openapi.json")
    return sum(len(methods) for path, methods in paths.items() if not re.match(LEFT_OUT, path))


# One request at a time: two threads trip over a defect of Python 3.11's parser (SystemError: AST constructor recursion
# depth mismatch), which Hypothesis calls for its reports.
WORKERS = "1"


def operations_tried(broker: Broker, folder: Path, seconds: int, *options: str) -> int:
    """Runs it; how many operations it has tried."""
    command = [
        *(str(TOOL), "--config-file", str(CONFIG), "--no-color", "run"),
        f"http://127.0.0.1:{broker.management_port}/api/openapi.json",
        *("--auth", "guest:guest", "--checks", "not_a_server_error"),
        *("--phases", "coverage,fuzzing", "--max-examples", "4", "--max-time", str(seconds)),
        *("--seed", SEED, "--workers", WORKERS, "--continue-on-failure", "--warnings", "off"),
        *("--request-timeout", "20", *options),
    ]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, timeout=2 * seconds + 60
    )
    assert done.returncode == 0, done.stdout + done.stderr
    counted = re.search(r"Tested: (\d+)", done.stdout)
    assert counted, done.stdout
    return int(counted[1])


def logged_in(broker: Broker, method: str, path: str) -> int:
    """The status of a request of the user as whom schemathesis comes."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{broker.management_port}/api{path}", method=method
    )
    request.add_header("authorization", "Basic " + b64encode(b"guest:guest").decode())
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status


@pytest.mark.guard(3 * SECONDS + 150)
def test_no_request_ends_in_a_server_error(tmp_path: Path) -> None:
    with own_broker([]) as broker:
        most = operations_tried(
            broker, tmp_path, SECONDS, "--exclude-path-regex", f"{LEFT_OUT}|{USERS}"
        )
        # They were requests of an administrator to the last, and nobody else has noticed.
        assert logged_in(broker, "GET", "/whoami") == 200
        assert logged_in(broker, "PUT", "/vhosts/afterwards") in (201, 204)
        with pika.BlockingConnection(
            pika.ConnectionParameters("127.0.0.1", broker.port, "afterwards")
        ) as connection:
            queue = connection.channel().queue_declare("", exclusive=True).method.queue
            assert queue.startswith("amq.gen-")
        users = operations_tried(broker, tmp_path, 5, "--include-path-regex", USERS)
        assert most + users == described(broker)
