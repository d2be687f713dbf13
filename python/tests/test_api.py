"""The client of the management API, against a fake one."""

from __future__ import annotations

import base64
import socket

import pytest
from fake import FakeApi

from haremq import ApiError, Broker, BrokerError

VHOSTS = "/api/haremq/test/vhosts"
FAULTS = "/api/haremq/test/faults"
VHOST = {"vhost": "a/b", "user": "u", "password": "p", "amqp_uri": "amqp://u:p@h:1/a%2Fb"}


def connected(api: FakeApi, login: str = "") -> Broker:
    return Broker.connect(api.url.replace("http://", f"http://{login}"), port=5672)


def test_the_port_of_amqp_is_asked_for(api: FakeApi) -> None:
    listeners = [
        {"protocol": "amqp/ssl", "port": 5671},
        {"protocol": "http", "port": 1},
        {"protocol": "amqp", "port": 4567},
    ]
    api.answer("GET", "/api/overview", {"listeners": listeners})
    assert Broker.connect(api.url).uri == "amqp://guest:guest@127.0.0.1:4567/%2F"


def test_a_broker_without_a_port_for_amqp_is_refused(api: FakeApi) -> None:
    api.answer("GET", "/api/overview", {"listeners": []})
    with pytest.raises(BrokerError, match="no port for AMQP"):
        Broker.connect(api.url)


def test_the_login_of_the_url_is_sent_and_not_shown(api: FakeApi) -> None:
    broker = connected(api, "al%40ice:p%3Aw@")
    api.answer("GET", FAULTS, [])
    broker.faults.list()
    sent = api.requests[0].authorization.partition(" ")[2]
    assert base64.b64decode(sent) == b"al@ice:p:w"
    assert broker.management_url == api.url
    assert "p:w" not in repr(broker)
    assert broker.uri_of("a b") == "amqp://al%40ice:p%3Aw@127.0.0.1:5672/a%20b"


def test_a_handle_leads_to_the_same_broker(api: FakeApi) -> None:
    first = connected(api, "al%40ice:p%3Aw@")
    handle = first.handle()
    second = Broker.connect(handle["url"], port=handle["port"])
    assert second.uri == first.uri
    assert second.handle() == handle


@pytest.mark.parametrize("url", ["localhost:15672", "amqp://localhost", "http://", ""])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(BrokerError, match="no URL of a management API"):
        Broker.connect(url)


def test_a_refusal_carries_status_and_reason(api: FakeApi) -> None:
    off = {"error": "not_found", "reason": "the test API is off: start it with --test-api"}
    api.answer("POST", "/api/haremq/test/clock/freeze", off, status=404)
    with pytest.raises(ApiError, match="--test-api") as refused:
        connected(api).freeze()
    assert refused.value.status == 404
    assert refused.value.reason == off["reason"]


@pytest.mark.parametrize("text", ["no", "[1]", ""])
def test_a_refusal_in_other_words_is_told_too(api: FakeApi, text: str) -> None:
    api.answer("GET", FAULTS, text, status=500)
    with pytest.raises(ApiError, match="500"):
        connected(api).faults.list()


def test_an_answer_that_is_no_json_is_an_error(api: FakeApi) -> None:
    api.answer("GET", FAULTS, "<html>")
    with pytest.raises(BrokerError, match="no JSON"):
        connected(api).faults.list()


def test_a_broker_that_is_not_there_is_an_error_with_its_address() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{bound.getsockname()[1]}"
        with pytest.raises(BrokerError, match=url):
            Broker.connect(url)


def test_a_vhost_is_made_and_deleted_with_its_faults(api: FakeApi) -> None:
    api.answer("POST", VHOSTS, VHOST, status=201)
    api.answer("GET", FAULTS, [{"id": 1, "kind": "nack", "vhost": "a/b", "hits": 0}])
    api.answer("DELETE", f"{FAULTS}/1", "", status=204)
    api.answer("DELETE", f"{VHOSTS}/a%2Fb", "", status=204)
    with connected(api).vhost(name="a/b") as vhost:
        assert (vhost.name, vhost.user, vhost.uri) == ("a/b", "u", "amqp://u:p@h:1/a%2Fb")
    asked = [(request.method, request.path, request.body) for request in api.requests]
    assert asked == [
        ("POST", VHOSTS, {"name": "a/b"}),
        ("GET", FAULTS, None),
        ("DELETE", f"{FAULTS}/1", None),
        ("DELETE", f"{VHOSTS}/a%2Fb", None),
    ]


def test_a_vhost_that_the_test_deleted_itself_is_no_error(api: FakeApi) -> None:
    api.answer("POST", VHOSTS, VHOST, status=201)
    api.answer("GET", FAULTS, [])
    with connected(api).vhost():
        pass


def test_another_refusal_at_the_end_of_a_vhost_is_an_error(api: FakeApi) -> None:
    api.answer("POST", VHOSTS, VHOST, status=201)
    api.answer("GET", FAULTS, [])
    api.answer("DELETE", f"{VHOSTS}/a%2Fb", {"reason": "no"}, status=500)
    with pytest.raises(ApiError, match="500"), connected(api).vhost():
        pass


def test_a_snapshot_is_rolled_back_and_deleted_at_the_end(api: FakeApi) -> None:
    path = f"{VHOSTS}/%2F/snapshots"
    api.answer("POST", path, {"id": 7, "queues": 1, "messages": 2, "bytes": 3}, status=201)
    api.answer("POST", f"{path}/7/rollback", {})
    api.answer("DELETE", f"{path}/7", "", status=204)
    with connected(api).snapshot() as snapshot:
        assert (snapshot.queues, snapshot.messages, snapshot.bytes) == (1, 2, 3)
    assert [request.method for request in api.requests] == ["POST", "POST", "DELETE"]


def test_a_fault_carries_what_was_given_and_the_vhost(api: FakeApi) -> None:
    api.answer("POST", VHOSTS, VHOST, status=201)
    api.answer("POST", FAULTS, {"id": 4}, status=201)
    fault = connected(api).vhost().faults.add("nack", every=3, times=2)
    assert api.requests[1].body == {"kind": "nack", "vhost": "a/b", "every": 3, "times": 2}
    told = {"id": 4, "kind": "nack", "vhost": "a/b", "hits": 9}
    api.answer("GET", FAULTS, [told])
    assert fault.hits() == 9


def test_a_fault_that_has_struck_for_the_last_time_may_be_gone(api: FakeApi) -> None:
    api.answer("POST", FAULTS, {"id": 4}, status=201)
    with connected(api).faults.add("cut", times=1) as fault:
        assert fault.id == "4"
    api.answer("GET", FAULTS, [])
    with pytest.raises(KeyError):
        fault.hits()


def test_a_vhost_sees_its_own_faults_only(api: FakeApi) -> None:
    api.answer("POST", VHOSTS, VHOST, status=201)
    faults = [
        {"id": 1, "kind": "nack", "vhost": "a/b", "hits": 0},
        {"id": 2, "kind": "nack", "vhost": "/", "hits": 0},
        {"id": 3, "kind": "nack", "hits": 0},
    ]
    api.answer("GET", FAULTS, faults)
    broker = connected(api)
    assert [fault.id for fault in broker.vhost().faults.list()] == ["1"]
    assert [fault.id for fault in broker.faults.list()] == ["1", "2", "3"]


def test_the_clock_is_read(api: FakeApi) -> None:
    told = {"now_ms": 5, "unix_ms": 1_000, "advanced_ms": 2, "frozen": True, "more": 1}
    api.answer("GET", "/api/haremq/test/clock", told)
    clock = connected(api).clock()
    assert (clock.now_ms, clock.advanced_ms, clock.frozen) == (5, 2, True)
    assert clock.time.isoformat() == "1970-01-01T00:00:01+00:00"
