"""Python packages that speak RabbitMQ's management API, each through what it offers most."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from harness.broker import Broker, own_broker
from pyrabbit2.api import Client
from pyrabbit2.http import HTTPError
from rabbitmq_admin import AdminAPI
from requests.exceptions import HTTPError as StatusError


@pytest.fixture
def broker() -> Iterator[Broker]:
    with own_broker([]) as broker:
        yield broker


def test_pyrabbit2(broker: Broker) -> None:
    client = Client(f"127.0.0.1:{broker.management_port}", "guest", "guest")
    assert client.is_alive()
    assert client.get_whoami()["tags"] == ["administrator"]
    assert client.get_overview()["object_totals"]["queues"] == 0
    assert len(client.get_nodes()) == 1
    client.create_vhost("shop")
    client.create_user("ann", "secret", tags="management")
    client.set_vhost_permissions("shop", "ann", ".*", ".*", ".*")
    client.set_vhost_permissions("shop", "guest", ".*", ".*", ".*")
    assert client.get_permission("shop", "ann")["read"] == ".*"
    assert client.create_exchange("shop", "x", "topic")
    client.create_queue("shop", "q", durable=True)
    client.create_binding("shop", "x", "q", "a.*")
    assert client.publish("shop", "x", "a.b", "hello")
    assert client.get_queue_depth("shop", "q") == 1
    (message,) = client.get_messages("shop", "q")
    assert (message["payload"], message["routing_key"]) == ("hello", "a.b")
    client.publish("shop", "x", "a.c", "again")
    client.purge_queue("shop", "q")
    assert client.get_queue_depth("shop", "q") == 0
    policy = {"pattern": "^q", "definition": {"max-length": 1}, "apply-to": "queues"}
    client.create_policy("shop", "short", **policy)
    assert [one["name"] for one in client.get_all_policies()] == ["short"]
    assert client.get_queue("shop", "q")["policy"] == "short"
    client.delete_policy("shop", "short")
    client.delete_binding("shop", "x", "q", "a.*")
    assert not client.get_bindings_between_exch_and_queue("shop", "x", "q")
    client.delete_queue("shop", "q")
    client.delete_exchange("shop", "x")
    client.delete_vhost("shop")
    client.delete_user("ann")
    with pytest.raises(HTTPError) as refusal:
        client.get_queue("/", "none")
    assert refusal.value.status == 404


def test_rabbitmq_admin(broker: Broker) -> None:
    url = f"http://127.0.0.1:{broker.management_port}"
    api = AdminAPI(url=url, auth=("guest", "guest"))
    assert api.whoami()["name"] == "guest"
    (node,) = api.list_nodes()
    assert api.get_node(node["name"])["running"] is True
    api.create_vhost("shop")
    api.create_user("ann", "secret", tags=["monitoring"])
    api.create_user_permission("ann", "shop", ".*", ".*", ".*")
    api.create_exchange_for_vhost("x", "shop", {"type": "direct", "durable": True})
    assert api.get_exchange_for_vhost("x", "shop")["type"] == "direct"
    api.create_policy_for_vhost("shop", "p", {"max-length": 1}, pattern="^q")
    assert [one["name"] for one in api.list_policies_for_vhost("shop")] == ["p"]
    assert api.is_vhost_alive("shop") == {"status": "ok"}
    # The monitor sees all and changes nothing.
    ann = AdminAPI(url=url, auth=("ann", "secret"))
    assert {vhost["name"] for vhost in ann.list_vhosts()} == {"/", "shop"}
    with pytest.raises(StatusError) as refusal:
        ann.create_vhost("other")
    assert refusal.value.response.status_code == 401
    api.delete_policy_for_vhost("shop", "p")
    api.delete_exchange_for_vhost("x", "shop")
    api.delete_user("ann")
    api.delete_vhost("shop")
