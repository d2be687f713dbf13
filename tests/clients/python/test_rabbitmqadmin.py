"""rabbitmqadmin, RabbitMQ's own tool in Python, against the management API."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from harness import rabbitmqadmin
from harness.broker import Broker, own_broker


# Each line is a Python that starts; on a busy machine that takes its time.
pytestmark = pytest.mark.guard(90)


class Admin:
    """The tool as one user."""

    def __init__(self, tool: Path, broker: Broker, *options: str) -> None:
        self.tool, self.broker, self.options = tool, broker, options

    def attempt(self, line: list[str], text: str = "") -> subprocess.CompletedProcess[str]:
        start = rabbitmqadmin.command(self.tool, self.broker.management_port, *self.options)
        return subprocess.run(
            [*start, *line], input=text, capture_output=True, text=True, timeout=30
        )

    def __call__(self, *line: str, text: str = "") -> str:
        done = self.attempt(list(line), text)
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"
        return done.stdout

    def list(self, *what: str) -> list[dict[str, object]]:
        return json.loads(self("-f", "raw_json", "list", *what))


@pytest.fixture(scope="module")
def tool() -> Path:
    try:
        return rabbitmqadmin.find()
    except rabbitmqadmin.NotToBeHad as error:
        if os.environ.get("CI"):
            pytest.fail(f"rabbitmqadmin: {error}")
        pytest.skip(f"rabbitmqadmin: {error}")


@pytest.fixture
def broker() -> Iterator[Broker]:
    """One of each test's own: what is exported shall be what the test has made."""
    with own_broker([]) as broker:
        yield broker


@pytest.fixture
def admin(tool: Path, broker: Broker) -> Admin:
    return Admin(tool, broker)


def test_objects_are_declared_listed_and_deleted(admin: Admin) -> None:
    assert admin("declare", "queue", "name=q", "durable=true") == "queue declared\n"
    assert admin("declare", "exchange", "name=x", "type=topic") == "exchange declared\n"
    bound = admin("declare", "binding", "source=x", "destination=q", "routing_key=a.#")
    assert bound == "binding declared\n"
    assert [queue["name"] for queue in admin.list("queues", "name")] == ["q"]
    assert "x" in [exchange["name"] for exchange in admin.list("exchanges", "name")]
    keys = [(one["source"], one["routing_key"]) for one in admin.list("bindings")]
    assert ("x", "a.#") in keys
    table = admin("list", "queues", "name", "messages")
    assert "| q    | 0        |" in table
    deleted = admin(
        "delete",
        "binding",
        "source=x",
        "destination_type=queue",
        "destination=q",
        "properties_key=a.%23",
    )
    assert deleted == "binding deleted\n"
    assert admin("delete", "queue", "name=q") == "queue deleted\n"
    assert admin("delete", "exchange", "name=x") == "exchange deleted\n"
    assert admin.list("queues") == []


def test_messages_are_published_fetched_and_purged(admin: Admin) -> None:
    admin("declare", "queue", "name=q")
    said = admin("publish", "routing_key=q", "payload=hello")
    assert said == "Message published\n"
    said = admin("publish", "routing_key=q", text="from standard input")
    assert said == "Message published\n"
    assert "NOT routed" in admin("publish", "routing_key=nowhere", "payload=x")
    got = json.loads(admin("-f", "raw_json", "get", "queue=q", "count=5"))
    assert [message["payload"] for message in got] == ["hello", "from standard input"]
    taken = admin("-f", "raw_json", "get", "queue=q", "ackmode=ack_requeue_false")
    assert json.loads(taken)[0]["redelivered"] is True
    assert admin("purge", "queue", "name=q") == "queue purged\n"
    assert json.loads(admin("-f", "raw_json", "get", "queue=q")) == []


def test_users_permissions_virtual_hosts_policies_and_limits(admin: Admin, tool: Path) -> None:
    admin("declare", "vhost", "name=shop")
    admin("declare", "user", "name=ann", "password=secret", "tags=management")
    admin("declare", "permission", "vhost=shop", "user=ann", "configure=^a", "write=.*", "read=.*")
    definition = "definition={\"max-length\":3}"
    admin("-V", "shop", "declare", "policy", "name=short", "pattern=^a", definition)
    admin("-V", "shop", "declare", "operator_policy", "name=roof", "pattern=.*", definition)
    admin("declare", "vhost_limit", "vhost=shop", "name=max-queues", "value=2")
    admin("declare", "parameter", "component=own", "name=one", "value={\"a\":1}")
    assert {user["name"]: user["tags"] for user in admin.list("users")}["ann"] == ["management"]
    assert [one["configure"] for one in admin.list("permissions") if one["user"] == "ann"] == ["^a"]
    assert {vhost["name"] for vhost in admin.list("vhosts")} == {"/", "shop"}
    assert [policy["name"] for policy in admin.list("policies")] == ["short"]
    assert [policy["name"] for policy in admin.list("operator_policies")] == ["roof"]
    assert [limit["value"] for limit in admin.list("vhost_limits")] == [{"max-queues": 2}]
    assert [one["name"] for one in admin.list("parameters")] == ["one"]
    # What ann may, and what she may not.
    ann = Admin(tool, admin.broker, "-u", "ann", "-p", "secret", "-V", "shop")
    ann("declare", "queue", "name=a-queue")
    refused = ann.attempt(["declare", "queue", "name=b-queue"])
    assert refused.returncode == 1
    assert "Access refused" in refused.stdout + refused.stderr
    assert "Access refused: /api/users" in ann.attempt(["list", "users"]).stderr
    admin("delete", "vhost_limit", "vhost=shop", "name=max-queues")
    admin("delete", "parameter", "component=own", "name=one")
    admin("-V", "shop", "delete", "policy", "name=short")
    admin("-V", "shop", "delete", "operator_policy", "name=roof")
    admin("delete", "permission", "vhost=shop", "user=ann")
    admin("delete", "user", "name=ann")
    admin("delete", "vhost", "name=shop")
    assert {vhost["name"] for vhost in admin.list("vhosts")} == {"/"}
    assert {user["name"] for user in admin.list("users")} == {"guest"}


def test_what_runs_is_shown_and_a_connection_is_closed(admin: Admin) -> None:
    broker = admin.broker
    connection = pika.BlockingConnection(pika.ConnectionParameters(broker.host, broker.port))
    channel = connection.channel()
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.basic_consume(queue, lambda *_: None, consumer_tag="tag")
    assert len(admin.list("nodes")) == 1
    (shown,) = admin.list("connections")
    (of_channel,) = admin.list("channels")
    assert of_channel["name"] == f"{shown['name']} (1)"
    assert [one["consumer_tag"] for one in admin.list("consumers")] == ["tag"]
    overview = json.loads(admin("-f", "raw_json", "show", "overview"))[0]
    assert overview["object_totals"]["connections"] == 1
    assert admin("close", "connection", f"name={shown['name']}") == "connection closed\n"
    with pytest.raises(pika.exceptions.ConnectionClosedByBroker) as closed:
        connection.process_data_events(time_limit=5)
    assert closed.value.reply_code == 320
    assert admin.list("connections") == []


def test_definitions_are_exported_and_imported(admin: Admin, tool: Path, tmp_path: Path) -> None:
    admin("declare", "vhost", "name=shop")
    admin("declare", "user", "name=ann", "password=secret", "tags=")
    admin("declare", "permission", "vhost=shop", "user=ann", "configure=", "write=", "read=.*")
    admin("-V", "shop", "declare", "permission", "vhost=shop", "user=guest", *EVERYTHING)
    admin("-V", "shop", "declare", "queue", "name=q", "arguments={\"x-max-length\":7}")
    admin("-V", "shop", "declare", "exchange", "name=x", "type=fanout")
    admin("-V", "shop", "declare", "binding", "source=x", "destination=q")
    admin("-V", "shop", "declare", "policy", "name=p", "pattern=^q", "definition={\"expires\":900000}")
    file = tmp_path / "definitions.json"
    assert "Exported definitions" in admin("export", str(file))
    exported = json.loads(file.read_text())
    assert [queue["arguments"] for queue in exported["queues"]] == [{"x-max-length": 7}]
    with own_broker([]) as other:
        importing = Admin(tool, other)
        assert "Uploaded definitions" in importing("import", str(file))
        again = tmp_path / "again.json"
        importing("export", str(again))
        got = json.loads(again.read_text())
        for what in ("users", "vhosts", "permissions", "policies", "queues", "exchanges", "bindings"):
            assert by_text(got[what]) == by_text(exported[what]), what
        # The password came along.
        ann = Admin(tool, other, "-u", "ann", "-p", "secret")
        assert "Access refused" in ann.attempt(["list", "queues"]).stderr
        login = pika.PlainCredentials("ann", "secret")
        parameters = pika.ConnectionParameters(other.host, other.port, "shop", login)
        pika.BlockingConnection(parameters).close()
    of_one = tmp_path / "shop.json"
    admin("-V", "shop", "export", str(of_one))
    assert "users" not in json.loads(of_one.read_text())


EVERYTHING = ("configure=.*", "write=.*", "read=.*")


def by_text(entries: list[object]) -> list[str]:
    return sorted(json.dumps(entry, sort_keys=True) for entry in entries)
