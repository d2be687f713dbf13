"""The set-up of a course, word for word: the tools under their own names, then pika with what they made."""

from __future__ import annotations

import json
import urllib.request
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from harness.broker import LastingBroker
from harness.tools import Tools
from pika.exceptions import ChannelClosedByBroker, ProbableAccessDeniedError

SET_UP = """\
rabbitmqctl add_user henry 123
rabbitmqctl set_user_tags henry administrator
rabbitmqctl set_permissions -p / henry '.*' '.*' '.*'
rabbitmq-plugins enable rabbitmq_management
"""

NARROW = """\
rabbitmqctl add_user clara 456
rabbitmqctl set_permissions -p / clara '^clara-.*' '^(clara-.*|amq\\.default)$' '^clara-.*'
"""


# Every line starts a program.
pytestmark = pytest.mark.guard(30)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[LastingBroker]:
    broker = LastingBroker(tmp_path)
    yield broker
    broker.stop()


@pytest.fixture
def tools(broker: LastingBroker, tmp_path: Path) -> Tools:
    return Tools.make(tmp_path / "bin", broker.folder)


def connect(
    broker: LastingBroker, name: str, password: str, vhost: str = "/"
) -> pika.BlockingConnection:
    login = pika.PlainCredentials(name, password)
    return pika.BlockingConnection(
        pika.ConnectionParameters(broker.host, broker.port, vhost, login)
    )


def refused(connection: pika.BlockingConnection, step: str, *arguments: object) -> str:
    """What the broker says to a channel that may not; the code is 403."""
    channel = connection.channel()
    channel.confirm_delivery()
    with pytest.raises(ChannelClosedByBroker) as closed:
        getattr(channel, step)(*arguments)
    assert closed.value.reply_code == 403
    return closed.value.reply_text


def test_a_course_makes_its_user_and_works_with_it(broker: LastingBroker, tools: Tools) -> None:
    said = [tools.run(line) for line in SET_UP.splitlines()]
    assert said[0].startswith('Adding user "henry" ...\n')
    assert said[1] == 'Setting tags for user "henry" to [administrator] ...\n'
    assert said[2] == 'Setting permissions for user "henry" in vhost "/" ...\n'
    assert "rabbitmq_management" in said[3]
    with connect(broker, "henry", "123") as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        channel.queue_declare("letters", durable=True)
        channel.basic_publish("", "letters", b"Hello henry")
        _, _, body = channel.basic_get("letters", auto_ack=True)
        assert body == b"Hello henry"
    # The management API, which was to be switched on, knows the user as an administrator.
    request = urllib.request.Request(f"http://127.0.0.1:{broker.management_port}/api/whoami")
    request.add_header("authorization", "Basic " + b64encode(b"henry:123").decode())
    with urllib.request.urlopen(request, timeout=5) as answer:
        assert json.load(answer)["tags"] == ["administrator"]
    listed = tools.run("rabbitmqctl list_users -q --no-table-headers").splitlines()
    assert "henry\t[administrator]" in listed


def test_a_user_with_narrower_rights_is_refused_in_rabbitmqs_words(
    broker: LastingBroker, tools: Tools
) -> None:
    for line in [*SET_UP.splitlines(), *NARROW.splitlines()]:
        tools.run(line)
    with connect(broker, "henry", "123") as henry:
        henry.channel().queue_declare("letters")
    with connect(broker, "clara", "456") as clara:
        channel = clara.channel()
        channel.queue_declare("clara-letters")
        channel.basic_publish("", "clara-letters", b"hers")
        tail = "in vhost '/' refused for user 'clara'"
        for step, arguments, access in [
            ("queue_declare", ("others",), "configure access to queue 'others'"),
            ("queue_delete", ("letters",), "configure access to queue 'letters'"),
            ("basic_get", ("letters",), "read access to queue 'letters'"),
            ("queue_purge", ("letters",), "read access to queue 'letters'"),
            ("basic_publish", ("amq.topic", "k", b""), "write access to exchange 'amq.topic'"),
        ]:
            told = refused(clara, step, *arguments)
            assert told == f"ACCESS_REFUSED - {access} {tail}"
        # What she may do still works, and a change of her rights holds at once.
        assert channel.basic_get("clara-letters")[2] == b"hers"
        tools.run("rabbitmqctl set_permissions -p / clara '.*' '.*' '.*'")
        assert clara.channel().basic_get("letters")[0] is None
        tools.run("rabbitmqctl clear_permissions -p / clara")
        told = refused(clara, "basic_get", "clara-letters")
        assert told == f"ACCESS_REFUSED - read access to queue 'clara-letters' {tail}"


def test_a_login_that_is_refused_says_so(broker: LastingBroker, tools: Tools) -> None:
    tools.run("rabbitmqctl add_user henry 123")
    with pytest.raises(pika.exceptions.ProbableAuthenticationError) as refusal:
        connect(broker, "henry", "wrong")
    assert "Login was refused using authentication mechanism PLAIN" in str(refusal.value)
    # Without an entry in the virtual host nobody enters.
    with pytest.raises((ProbableAccessDeniedError, pika.exceptions.ConnectionClosedByBroker)) as closed:
        connect(broker, "henry", "123")
    assert "access to vhost '/' refused for user 'henry'" in str(closed.value)
    tools.run("rabbitmqctl set_permissions -p / henry '' '' ''")
    connect(broker, "henry", "123").close()
    tools.run("rabbitmqctl change_password henry 789")
    connect(broker, "henry", "789").close()
    again = tools.attempt("rabbitmqctl add_user henry 123")
    assert again.returncode == 70
    assert again.stderr == 'Error:\nUser "henry" already exists\n'
