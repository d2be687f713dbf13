"""Declares, deletes and bindings that the broker refuses, each with its exact reply."""

from __future__ import annotations

import pytest
from pika import spec

from harness.broker import Broker
from harness.closes import CloseRecorder
from harness.names import Names
from harness.refusals import Connect, Refusal, Scene, check

LOCKED = (
    "cannot obtain exclusive access to locked queue '<q>' in vhost '/'. It could be originally "
    "declared on another connection or the exclusive property value does not match that of the "
    "original declaration."
)
NO_QUEUE = "no queue '<q>' in vhost '/'"
NO_EXCHANGE = "no exchange '<x>' in vhost '/'"
DEFAULT_EXCHANGE = "operation not permitted on the default exchange"


def unequal(argument: str, received: str, current: str, what: str = "queue '<q>'") -> str:
    return (
        f"inequivalent arg '{argument}' for {what} in vhost '/': "
        f"received {received} but current is {current}"
    )


def unequal_exchange(argument: str, received: str, current: str) -> str:
    return unequal(argument, received, current, "exchange '<x>'")


def bad_argument(name: str, arguments: dict[str, object], reason: str, key: str) -> Refusal:
    return Refusal(
        name,
        when=lambda s: s.queue(arguments),
        code=406,
        text=f"invalid arg '{key}' for queue '<q>' in vhost '/': {reason}",
        method=spec.Queue.Declare,
    )


QUEUES = [
    Refusal(
        "passive declare of a missing queue",
        when=lambda s: s.queue(passive=True),
        code=404,
        text=NO_QUEUE,
        method=spec.Queue.Declare,
    ),
    Refusal(
        "passive declare of the empty name",
        given=lambda s: s.queue(),
        when=lambda s: s.channel.queue_declare("", passive=True),
        code=404,
        text="no queue '' in vhost '/'",
        method=spec.Queue.Declare,
    ),
    Refusal(
        "purge of a missing queue",
        when=lambda s: s.channel.queue_purge(s.q),
        code=404,
        text=NO_QUEUE,
        method=spec.Queue.Purge,
    ),
    Refusal(
        "queue name with reserved prefix",
        when=lambda s: s.channel.queue_declare(f"amq.{s.q}"),
        code=403,
        text="queue name 'amq.<q>' contains reserved prefix 'amq.*'",
        method=spec.Queue.Declare,
    ),
    Refusal(
        "durable differs",
        given=lambda s: s.queue(durable=True),
        when=lambda s: s.queue(),
        code=406,
        text=unequal("durable", "'false'", "'true'"),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "auto-delete differs",
        given=lambda s: s.queue(),
        when=lambda s: s.queue(auto_delete=True),
        code=406,
        text=unequal("auto_delete", "'true'", "'false'"),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "argument came on top",
        given=lambda s: s.queue(),
        when=lambda s: s.queue({"x-message-ttl": 1000}),
        code=406,
        text=unequal("x-message-ttl", "the value '1000' of type 'signedint'", "none"),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "argument is left out",
        given=lambda s: s.queue({"x-message-ttl": 60000}),
        when=lambda s: s.queue(),
        code=406,
        text=unequal("x-message-ttl", "none", "the value '60000' of type 'signedint'"),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "argument has another value",
        given=lambda s: s.queue({"x-max-length": 10}),
        when=lambda s: s.queue({"x-max-length": 11}),
        code=406,
        # Types are named only where one side has no value.
        text=unequal("x-max-length", "'11'", "'10'"),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "text argument has another value",
        given=lambda s: s.queue({"x-dead-letter-exchange": "here"}),
        when=lambda s: s.queue({"x-dead-letter-exchange": "there"}),
        code=406,
        text=unequal("x-dead-letter-exchange", "'there'", "'here'"),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "exclusive differs on the same connection",
        given=lambda s: s.queue(),
        when=lambda s: s.queue(exclusive=True),
        code=405,
        text=LOCKED,
        method=spec.Queue.Declare,
    ),
    Refusal(
        "exclusive is left out on the same connection",
        given=lambda s: s.queue(exclusive=True),
        when=lambda s: s.queue(),
        code=405,
        text=LOCKED,
        method=spec.Queue.Declare,
    ),
    Refusal(
        "declare of a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.queue(exclusive=True),
        code=405,
        text=LOCKED,
        method=spec.Queue.Declare,
    ),
    Refusal(
        "passive declare of a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.queue(passive=True),
        code=405,
        text=LOCKED,
        method=spec.Queue.Declare,
    ),
    Refusal(
        "delete of a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.channel.queue_delete(s.q),
        code=405,
        text=LOCKED,
        method=spec.Queue.Delete,
    ),
    Refusal(
        "purge of a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.channel.queue_purge(s.q),
        code=405,
        text=LOCKED,
        method=spec.Queue.Purge,
    ),
    Refusal(
        "delete of a queue with a consumer, if unused",
        given=lambda s: (s.queue(), s.consumer()),
        when=lambda s: s.channel.queue_delete(s.q, if_unused=True),
        code=406,
        text="queue '<q>' in vhost '/' in use",
        method=spec.Queue.Delete,
    ),
    Refusal(
        "delete of a queue with a message, if empty",
        given=lambda s: s.filled_queue(),
        when=lambda s: s.channel.queue_delete(s.q, if_empty=True),
        code=406,
        text="queue '<q>' in vhost '/' not empty",
        method=spec.Queue.Delete,
    ),
    bad_argument("negative ttl", {"x-message-ttl": -1}, "{value_negative,-1}", "x-message-ttl"),
    bad_argument(
        "ttl is text", {"x-message-ttl": "1s"}, '"expected integer, got longstr"', "x-message-ttl"
    ),
    bad_argument("expires is zero", {"x-expires": 0}, "{value_zero,0}", "x-expires"),
    bad_argument("negative length", {"x-max-length": -5}, "{value_negative,-5}", "x-max-length"),
    bad_argument(
        "negative octets", {"x-max-length-bytes": -1}, "{value_negative,-1}", "x-max-length-bytes"
    ),
    bad_argument("unknown overflow", {"x-overflow": "spill"}, "invalid_overflow", "x-overflow"),
    bad_argument(
        "priorities beyond 255",
        {"x-max-priority": 256},
        "{max_value_exceeded,256}",
        "x-max-priority",
    ),
    bad_argument(
        "dead-letter key alone",
        {"x-dead-letter-routing-key": "k"},
        "routing_key_but_no_dlx_defined",
        "x-dead-letter-routing-key",
    ),
    bad_argument(
        "unknown queue type",
        {"x-queue-type": "warren"},
        "\"unsupported queue type 'warren'\"",
        "x-queue-type",
    ),
    Refusal(
        "dead-letter exchange is a number",
        when=lambda s: s.queue({"x-dead-letter-exchange": 5}),
        code=406,
        text=(
            "invalid type 'signedint' for arg 'x-dead-letter-exchange' in queue '<q>' in vhost '/'"
        ),
        method=spec.Queue.Declare,
    ),
    Refusal(
        "quorum queue that is not durable",
        when=lambda s: s.queue({"x-queue-type": "quorum"}),
        code=406,
        text="invalid property 'non-durable' for queue '<q>' in vhost '/'",
        method=spec.Queue.Declare,
    ),
    Refusal(
        "exclusive quorum queue",
        when=lambda s: s.queue({"x-queue-type": "quorum"}, durable=True, exclusive=True),
        code=406,
        text="invalid property 'exclusive-owner' for queue '<q>' in vhost '/'",
        method=spec.Queue.Declare,
    ),
    Refusal(
        "server-named quorum queue",
        when=lambda s: s.channel.queue_declare(
            "", durable=True, arguments={"x-queue-type": "quorum"}
        ),
        code=406,
        text="Cannot declare a server-named queue for type rabbit_quorum_queue",
        method=spec.Queue.Declare,
    ),
]

EXCHANGES = [
    Refusal(
        "passive declare of a missing exchange",
        when=lambda s: s.exchange(passive=True),
        code=404,
        text=NO_EXCHANGE,
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "exchange name with reserved prefix",
        when=lambda s: s.channel.exchange_declare(f"amq.{s.x}"),
        code=403,
        text="exchange name 'amq.<x>' contains reserved prefix 'amq.*'",
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "delete of a system exchange",
        when=lambda s: s.channel.exchange_delete("amq.fanout"),
        code=403,
        text="deletion of system exchange 'amq.fanout' in vhost '/' not allowed",
        method=spec.Exchange.Delete,
    ),
    Refusal(
        "declare of the default exchange",
        when=lambda s: s.send(spec.Exchange.Declare(exchange="", type="direct")),
        code=403,
        text=DEFAULT_EXCHANGE,
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "delete of the default exchange",
        when=lambda s: s.channel.exchange_delete(""),
        code=403,
        text=DEFAULT_EXCHANGE,
        method=spec.Exchange.Delete,
    ),
    Refusal(
        "delete of an exchange with a binding, if unused",
        given=lambda s: (s.queue(), s.exchange(), s.channel.queue_bind(s.q, s.x, "k")),
        when=lambda s: s.channel.exchange_delete(s.x, if_unused=True),
        code=406,
        text="exchange '<x>' in vhost '/' in use",
        method=spec.Exchange.Delete,
    ),
    Refusal(
        "unknown exchange type",
        when=lambda s: s.exchange("x-burrow"),
        code=406,
        text="unknown exchange type 'x-burrow'",
        method=spec.Exchange.Declare,
        oracle={"code": 503},
    ),
    Refusal(
        "exchange type differs",
        given=lambda s: s.exchange("direct"),
        when=lambda s: s.exchange("fanout"),
        code=406,
        text=unequal_exchange("type", "'fanout'", "'direct'"),
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "exchange durable differs",
        given=lambda s: s.exchange(durable=True),
        when=lambda s: s.exchange(),
        code=406,
        text=unequal_exchange("durable", "'false'", "'true'"),
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "exchange auto-delete differs",
        given=lambda s: s.exchange(),
        when=lambda s: s.exchange(auto_delete=True),
        code=406,
        text=unequal_exchange("auto_delete", "'true'", "'false'"),
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "exchange internal differs",
        given=lambda s: s.exchange(internal=True),
        when=lambda s: s.exchange(),
        code=406,
        text=unequal_exchange("internal", "'false'", "'true'"),
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "alternate exchange came on top",
        given=lambda s: s.exchange(),
        when=lambda s: s.exchange(arguments={"alternate-exchange": "spare"}),
        code=406,
        text=unequal_exchange("alternate-exchange", "the value 'spare' of type 'longstr'", "none"),
        method=spec.Exchange.Declare,
    ),
    Refusal(
        "alternate exchange is a number",
        when=lambda s: s.exchange(arguments={"alternate-exchange": 5}),
        code=406,
        text="invalid type 'signedint' for arg 'alternate-exchange' in exchange '<x>' in vhost '/'",
        method=spec.Exchange.Declare,
    ),
]

BINDINGS = [
    Refusal(
        "bind of a missing queue",
        given=lambda s: s.exchange(),
        when=lambda s: s.channel.queue_bind(s.q, s.x, "k"),
        code=404,
        text=NO_QUEUE,
        method=spec.Queue.Bind,
    ),
    Refusal(
        "bind to a missing exchange",
        given=lambda s: s.queue(),
        when=lambda s: s.channel.queue_bind(s.q, s.x, "k"),
        code=404,
        text=NO_EXCHANGE,
        method=spec.Queue.Bind,
    ),
    Refusal(
        "bind to the default exchange",
        given=lambda s: s.queue(),
        when=lambda s: s.channel.queue_bind(s.q, "", "k"),
        code=403,
        text=DEFAULT_EXCHANGE,
        method=spec.Queue.Bind,
    ),
    Refusal(
        "bind of a queue of another connection",
        given=lambda s: s.other.queue_declare(s.q, exclusive=True),
        when=lambda s: s.channel.queue_bind(s.q, "amq.direct", "k"),
        code=405,
        text=LOCKED,
        method=spec.Queue.Bind,
    ),
    Refusal(
        "bind of the last declared queue when there is none",
        when=lambda s: s.channel.queue_bind("", "amq.direct", "k"),
        code=404,
        text="no previously declared queue",
        method=spec.Queue.Bind,
    ),
    Refusal(
        "exchange bound to a missing source",
        given=lambda s: s.exchange(),
        when=lambda s: s.channel.exchange_bind(destination=s.x, source=s.x2),
        code=404,
        text="no exchange '<x2>' in vhost '/'",
        method=spec.Exchange.Bind,
    ),
    Refusal(
        "missing exchange bound to a source",
        given=lambda s: s.exchange(),
        when=lambda s: s.channel.exchange_bind(destination=s.x2, source=s.x),
        code=404,
        text="no exchange '<x2>' in vhost '/'",
        method=spec.Exchange.Bind,
    ),
    Refusal(
        "headers binding with an unknown x-match",
        given=lambda s: s.queue(),
        when=lambda s: s.channel.queue_bind(s.q, "amq.headers", arguments={"x-match": "some"}),
        code=406,
        text=(
            'Invalid x-match field value <<"some">>; expected all, any, all-with-x, or any-with-x'
        ),
        method=spec.Queue.Bind,
    ),
    Refusal(
        "headers binding whose x-match is a number",
        given=lambda s: s.queue(),
        when=lambda s: s.channel.queue_bind(s.q, "amq.headers", arguments={"x-match": 1}),
        code=406,
        text="Invalid x-match field type signedint (value 1); expected longstr",
        method=spec.Queue.Bind,
    ),
]


@pytest.mark.parametrize(
    "refusal", QUEUES + EXCHANGES + BINDINGS, ids=lambda refusal: refusal.name.replace(" ", "-")
)
def test_declare_is_refused(
    refusal: Refusal, broker: Broker, connect: Connect, names: Names, closes: CloseRecorder
) -> None:
    check(refusal, broker, Scene(connect, names), closes)
