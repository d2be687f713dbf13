"""What is in a virtual host at one moment, for assertions."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Fields = Mapping[str, Any]


@dataclass(frozen=True)
class Message:
    """A message in a queue.

    Attributes:
        body: its body; the beginning of one that is larger than 64 KiB.
        size: how many bytes the whole body has.
        exchange: where it was published.
        routing_key: with which key.
        properties: its properties without the headers, by their names in AMQP.
        headers: its headers.
        redelivered: whether it was handed out before.
        expires_in_ms: when it expires; never if None.
    """

    body: bytes
    size: int
    exchange: str
    routing_key: str
    properties: Fields
    headers: Fields
    redelivered: bool
    expires_in_ms: int | None

    @classmethod
    def of(cls, told: Fields) -> Message:
        """Reads what the broker says of it."""
        payload = told["payload"]
        is_text = told["payload_encoding"] == "string"
        # An empty table of a message without properties is an empty list.
        properties = dict(told["properties"] or {})
        return cls(
            body=payload.encode() if is_text else base64.b64decode(payload),
            size=told["payload_bytes"],
            exchange=told["exchange"],
            routing_key=told["routing_key"],
            headers=dict(properties.pop("headers", None) or {}),
            properties=properties,
            redelivered=told["redelivered"],
            expires_in_ms=told.get("expires_in_ms"),
        )


@dataclass(frozen=True)
class Queue:
    """A queue and what is in it.

    Attributes:
        name: its name.
        ready: how many messages wait.
        unacked: how many were handed out and are not acknowledged.
        messages: those that wait, in their order; not all of a queue that is very long.
        unacked_messages: those that were handed out.
        consumers: who consumes.
        durable: whether it survives a restart.
        arguments: what it was declared with.
    """

    name: str
    ready: int
    unacked: int
    messages: Sequence[Message] = field(repr=False)
    unacked_messages: Sequence[Message] = field(repr=False)
    consumers: Sequence[Fields] = field(repr=False)
    durable: bool = field(repr=False)
    arguments: Fields = field(repr=False)

    @classmethod
    def of(cls, told: Fields) -> Queue:
        """Reads what the broker says of it."""
        return cls(
            name=told["name"],
            ready=told["messages_ready"],
            unacked=told["messages_unacknowledged"],
            messages=[Message.of(one) for one in told["messages"]],
            unacked_messages=[Message.of(one) for one in told["unacknowledged"]],
            consumers=told["consumers"],
            durable=told["durable"],
            arguments=told["arguments"],
        )

    @property
    def bodies(self) -> Sequence[bytes]:
        """The bodies of the messages that wait, in their order."""
        return [message.body for message in self.messages]


@dataclass(frozen=True)
class Contents:
    """What is in a virtual host.

    Exchanges, bindings and connections have the fields that the management API gives them.

    Attributes:
        queues: the queues by their names.
        exchanges: the exchanges by their names, those that are always there too.
        bindings: the bindings.
        connections: the connections.
    """

    queues: Mapping[str, Queue]
    exchanges: Mapping[str, Fields]
    bindings: Sequence[Fields]
    connections: Sequence[Fields]

    @classmethod
    def of(cls, told: Fields) -> Contents:
        """Reads the broker's answer."""
        return cls(
            queues={one["name"]: Queue.of(one) for one in told["queues"]},
            exchanges={one["name"]: one for one in told["exchanges"]},
            bindings=told["bindings"],
            connections=told["connections"],
        )

    def summary(self) -> str:
        """A line for each queue, for whoever looks at a test that failed."""
        lines = [
            f"queue {queue.name!r}: {queue.ready} ready, {queue.unacked} unacknowledged, "
            f"{len(queue.consumers)} consumers"
            for queue in self.queues.values()
        ]
        return "\n".join([*(lines or ["no queues"]), f"{len(self.connections)} connections"])
