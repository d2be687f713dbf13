"""Starting and ending a broker, and what is said when that goes wrong."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pika
import pytest
from conftest import Program

import haremq
from haremq import BrokerError

GUARD_SECONDS = 10


def is_open(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def await_end(descriptor: int) -> None:
    """Waits for a process that is not our child."""
    ready, _, _ = select.select([descriptor], [], [], GUARD_SECONDS)
    os.close(descriptor)
    assert ready, "the broker lives on"


def test_a_client_connects_and_the_end_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with haremq.broker() as broker:
        assert list(tmp_path.iterdir()) != []
        with pika.BlockingConnection(pika.URLParameters(broker.uri)) as connection:
            channel = connection.channel()
            channel.queue_declare("hello")
            channel.basic_publish("", "hello", b"Hello, hare!")
            assert channel.basic_get("hello", auto_ack=True)[2] == b"Hello, hare!"
        port, pid = broker.port, broker.pid
    assert not is_open(port)
    assert list(tmp_path.iterdir()) == []
    assert pid
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_two_brokers_know_nothing_of_each_other() -> None:
    with haremq.broker() as one, haremq.broker() as other:
        assert one.port != other.port
        with pika.BlockingConnection(pika.URLParameters(one.uri)) as connection:
            connection.channel().queue_declare("only here")
        with pika.BlockingConnection(pika.URLParameters(other.uri)) as connection:
            channel = connection.channel()
            with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
                channel.queue_declare("only here", passive=True)


def test_settings_of_the_shell_are_not_the_brokers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HAREMQ_DEFAULT_USER", "somebody")
    monkeypatch.setenv("RABBITMQ_DEFAULT_PASS", "else")
    with haremq.broker() as broker:
        pika.BlockingConnection(pika.URLParameters(broker.uri)).close()


def test_configuration_and_definitions_are_taken(tmp_path: Path) -> None:
    config = {"default_user": "al@ice", "default_pass": "p/w", "heartbeat": 17}
    definitions = {"queues": [{"name": "q", "vhost": "/", "durable": True, "arguments": {}}]}
    with haremq.broker(config=config, definitions=definitions) as broker:
        parameters = pika.URLParameters(broker.uri)
        assert parameters.credentials.username == "al@ice"
        with pika.BlockingConnection(parameters) as connection:
            assert connection.channel().queue_declare("q", passive=True).method.queue == "q"
            assert connection._impl.params.heartbeat == 17
        assert broker.clock().frozen is False
    with haremq.broker(data_dir=tmp_path / "data") as broker:
        assert (tmp_path / "data").is_dir()


def test_the_log_can_be_read() -> None:
    with haremq.broker() as broker:
        pika.BlockingConnection(pika.URLParameters(broker.uri)).close()
        assert "connection" in broker.log()
    assert broker.log() == ""


def test_a_broker_that_does_not_start_says_why() -> None:
    with pytest.raises(BrokerError) as refused:
        haremq.broker(config={"default_pass": "x", "heartbeat": "often"})
    text = str(refused.value)
    assert "ended with code" in text
    assert "heartbeat" in text
    assert "often" in text


def test_another_program_that_ends_at_once_is_told_with_its_words(program: Program) -> None:
    stand_in = program("echo first >&2; echo 'no such flag' >&2; exit 64")
    with pytest.raises(BrokerError, match="ended with code 64") as refused:
        haremq.broker(binary=stand_in)
    assert "no such flag" in str(refused.value)


def test_a_program_that_says_nothing_is_told_too(program: Program) -> None:
    with pytest.raises(BrokerError, match=r"ended with code 0; it logged nothing"):
        haremq.broker(binary=program("exit 0"))
    with pytest.raises(BrokerError, match="SIGKILL"):
        haremq.broker(binary=program("kill -9 $$"))


def test_a_program_that_is_never_ready_is_ended(program: Program, tmp_path: Path) -> None:
    number = tmp_path / "pid"
    stand_in = program(f"echo $$ > {number}; echo waiting >&2; exec sleep 600")
    with pytest.raises(BrokerError, match=r"not ready within 0.5 s") as late:
        haremq.broker(binary=stand_in, timeout=0.5)
    assert "waiting" in str(late.value)
    with pytest.raises(ProcessLookupError):
        os.kill(int(number.read_text()), 0)


def test_a_file_that_cannot_be_run_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = tmp_path / "text"
    text.write_text("no program")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(BrokerError, match=f"cannot run {text}"):
        haremq.broker(binary=text)
    assert list(tmp_path.iterdir()) == [text]


def test_a_broker_that_was_killed_is_told_by_the_next_request_and_by_stop() -> None:
    broker = haremq.broker()
    assert broker.pid
    os.kill(broker.pid, signal.SIGKILL)
    with pytest.raises(BrokerError, match="the broker was ended by SIGKILL") as asked:
        broker.clock()
    assert "its last lines" in str(asked.value)
    with pytest.raises(BrokerError, match="was ended by SIGKILL before it was stopped"):
        broker.stop()
    broker.stop()


def test_what_went_wrong_in_the_body_is_not_hidden_by_a_dead_broker() -> None:
    broker = haremq.broker()
    assert broker.pid
    os.kill(broker.pid, signal.SIGKILL)
    with pytest.raises(ZeroDivisionError), broker:
        raise ZeroDivisionError


FORK = """
import haremq, os, sys
with haremq.broker() as broker:
    child = os.fork()
    if child == 0:
        {end}
    assert os.waitpid(child, 0)[1] == 0
    assert broker.log()
    assert broker.clock().frozen is False
"""


@pytest.mark.parametrize("end", ["broker.stop(); os._exit(0)", "sys.exit(0)", "os._exit(0)"])
def test_a_fork_does_not_end_the_broker_of_its_parent(end: str) -> None:
    subprocess.run([sys.executable, "-c", FORK.format(end=end)], check=True, timeout=60)


def test_a_broker_that_nobody_holds_is_ended() -> None:
    broker = haremq.broker()
    assert broker.pid
    ended = os.pidfd_open(broker.pid)
    del broker
    await_end(ended)


@pytest.mark.parametrize("end", ["os._exit(1)", "os.kill(os.getpid(), 9)", "sys.exit(3)"])
def test_a_broker_ends_with_the_process_that_started_it(end: str) -> None:
    script = "import haremq, os, sys; b = haremq.broker(); print(b.pid, flush=True); input(); "
    child = subprocess.Popen(
        [sys.executable, "-c", script + end], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    ended = os.pidfd_open(int(child.stdout.readline()))
    child.communicate(b"\n", timeout=GUARD_SECONDS)
    await_end(ended)


def test_ctrl_c_ends_the_tests_and_not_the_broker() -> None:
    with haremq.broker() as broker:
        assert broker.pid
        assert os.getpgid(broker.pid) != os.getpgid(0)


def test_the_module_is_the_program() -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "haremq", "--version"], capture_output=True, text=True, check=True
    )
    assert shown.stdout.strip() == f"haremq {haremq.__version__}"
