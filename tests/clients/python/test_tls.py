"""pika over TLS: a trusted server, a host that is not the server's, and a login by certificate."""

from __future__ import annotations

import ssl
from pathlib import Path

import pika
import pytest
from harness.broker import Broker, own_broker
from harness.certificates import OPENSSL, Certificates
from pika.credentials import ExternalCredentials


@pytest.fixture(autouse=True)
def has_openssl() -> None:
    assert OPENSSL, "these tests make their certificates with the program openssl: install it"


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.make(tmp_path)


def parameters(
    broker: Broker, context: ssl.SSLContext, host: str = "localhost", **more: object
) -> pika.ConnectionParameters:
    options = pika.SSLOptions(context, host)
    return pika.ConnectionParameters("127.0.0.1", broker.tls_port, ssl_options=options, **more)


def trusting(certificates: Certificates) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=certificates.path("ca.pem"))


def test_messages_go_there_and_back(certificates: Certificates) -> None:
    with own_broker(certificates.lines()) as broker:
        with pika.BlockingConnection(parameters(broker, trusting(certificates))) as connection:
            channel = connection.channel()
            channel.confirm_delivery()
            queue = channel.queue_declare("", exclusive=True).method.queue
            bodies = [b"small", b"x" * 1_000_000]
            for body in bodies:
                channel.basic_publish("", queue, body)
            got = [channel.basic_get(queue, auto_ack=True)[2] for _ in bodies]
            assert got == bodies


def test_a_server_of_another_name_is_not_trusted(certificates: Certificates) -> None:
    with own_broker(certificates.lines()) as broker:
        wrong = parameters(broker, trusting(certificates), host="elsewhere.example.com")
        with pytest.raises(ssl.SSLCertVerificationError):
            pika.BlockingConnection(wrong)


def test_a_client_certificate_is_a_login(certificates: Certificates) -> None:
    lines = [
        *certificates.lines(),
        "ssl_options.verify = verify_peer",
        "ssl_options.fail_if_no_peer_cert = true",
        "auth_mechanisms.1 = EXTERNAL",
        "default_user = CN=app,O=Example",
    ]
    with own_broker(lines) as broker:
        context = trusting(certificates)
        with pytest.raises(pika.exceptions.AMQPError):
            pika.BlockingConnection(parameters(broker, context, credentials=ExternalCredentials()))
        context.load_cert_chain(certificates.path("client.pem"), certificates.path("client.key"))
        with pika.BlockingConnection(
            parameters(broker, context, credentials=ExternalCredentials())
        ) as connection:
            assert connection.channel().is_open
