"""Opening connections: login, virtual host, tuning, server properties, heartbeats, channels."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from pika import spec

from harness.closes import CloseRecorder
from harness.names import Names
from harness.refusals import Connect, method_ids, pump_until_closed
from harness.waiting import pump_until

LOGIN_REFUSED = (
    "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. "
    "For details see the broker logfile."
)


@pytest.mark.parametrize(
    ("user", "password"), [("guest", "wrong"), ("nobody", "guest"), ("guest", ""), ("", "")]
)
def test_bad_login_is_refused_with_a_reason(
    connect: Connect, closes: CloseRecorder, user: str, password: str
) -> None:
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        connect(credentials=pika.PlainCredentials(user, password))
    assert [(c.scope, c.code, c.text, c.method) for c in closes.seen] == [
        ("connection", 403, LOGIN_REFUSED, (0, 0))
    ]


def test_unknown_vhost_is_refused(connect: Connect, closes: CloseRecorder, names: Names) -> None:
    vhost = f"burrow-{names.suffix}"
    with pytest.raises(pika.exceptions.ProbableAccessDeniedError):
        connect(virtual_host=vhost)
    assert [(c.scope, c.code, c.text, c.method) for c in closes.seen] == [
        (
            "connection",
            530,
            f"NOT_ALLOWED - vhost {vhost} not found",
            method_ids(spec.Connection.Open),
        )
    ]


def test_server_says_who_it_is_and_what_it_can(connect: Connect) -> None:
    properties = connect()._impl.server_properties
    # Client libraries look at the product name to choose how they behave.
    assert properties["product"] == "RabbitMQ"
    assert properties["version"].count(".") == 2
    for known in ("platform", "copyright", "information", "cluster_name"):
        assert isinstance(properties[known], str), known
    # RabbitMQ has more of them; what is advertised must be there.
    assert properties["capabilities"].items() >= {
        "publisher_confirms": True,
        "exchange_exchange_bindings": True,
        "basic.nack": True,
        "consumer_cancel_notify": True,
        "connection.blocked": True,
        "authentication_failure_close": True,
        "per_consumer_qos": True,
        "consumer_priorities": True,
        "direct_reply_to": True,
    }.items()


def test_tuning_takes_the_smaller_wish(connect: Connect) -> None:
    parameters = connect(channel_max=17, frame_max=65536, heartbeat=13)._impl.params
    assert (parameters.channel_max, parameters.frame_max, parameters.heartbeat) == (17, 65536, 13)


def test_server_offers_its_usual_tuning(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    offers: list[tuple[int, int, int]] = []
    decode = spec.Connection.Tune.decode

    def decode_and_keep(method: Any, encoded: bytes, offset: int = 0) -> Any:
        decoded = decode(method, encoded, offset)
        offers.append((method.channel_max, method.frame_max, method.heartbeat))
        return decoded

    monkeypatch.setattr(spec.Connection.Tune, "decode", decode_and_keep)
    connect()
    assert offers == [(2047, 131072, 60)]


def test_smallest_frame_size_works(connect: Connect, names: Names) -> None:
    connection = connect(frame_max=4096)
    channel = connection.channel()
    queue = names.queue()
    channel.queue_declare(queue)
    body = bytes(range(256)) * 100
    channel.basic_publish("", queue, body)
    assert channel.basic_get(queue, auto_ack=True)[2] == body


def test_heartbeats_come_from_the_server(connect: Connect) -> None:
    connection = connect(heartbeat=1)
    checker = connection._impl._heartbeat_checker
    pump_until(connection, lambda: checker._heartbeat_frames_received >= 1, "a heartbeat")
    assert connection.is_open


def test_connection_without_heartbeat(connect: Connect, names: Names) -> None:
    connection = connect(heartbeat=0)
    assert connection._impl.params.heartbeat == 0
    connection.channel().queue_declare(names.queue())


def test_more_channels_than_agreed_end_the_connection(
    connect: Connect, closes: CloseRecorder
) -> None:
    connection = connect(channel_max=3)
    for _ in range(3):
        connection.channel()
    # pika itself would refuse the number, so the method goes out by hand.
    connection._impl._send_method(4, spec.Channel.Open())
    pump_until_closed(connection)
    assert [(c.scope, c.code, c.text) for c in closes.seen] == [
        (
            "connection",
            530,
            "NOT_ALLOWED - number of channels opened (3) "
            "has reached the negotiated channel_max (3)",
        )
    ]


def test_channel_numbers_are_the_clients_choice(connect: Connect) -> None:
    connection = connect()
    numbers = [2047, 1, 900]
    channels = [connection.channel(number) for number in numbers]
    assert [channel.channel_number for channel in channels] == numbers
    for channel in channels:
        channel.close()
    assert connection.is_open


def test_many_connections_with_many_channels(connect: Connect) -> None:
    connections = [connect() for _ in range(20)]
    channels = [connection.channel() for connection in connections for _ in range(5)]
    assert all(channel.is_open for channel in channels)


def test_client_closes_with_its_own_code_and_text(connect: Connect) -> None:
    connection = connect()
    channel = connection.channel()
    channel.close(200, "enough")
    assert channel.is_closed
    connection.close(200, "good bye")
    assert connection.is_closed


def test_secret_can_be_updated(connect: Connect, names: Names) -> None:
    connection = connect()
    connection.update_secret("guest", "renewed")
    connection.channel().queue_declare(names.queue())
