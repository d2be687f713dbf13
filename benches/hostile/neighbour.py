"""The neighbour: 200 messages a second, each with its confirm, to a consumer on another connection."""

from __future__ import annotations

import contextlib
import os
import select
import struct
import time
from array import array
from multiprocessing.connection import Connection
from typing import NamedTuple

from amqp import Peer, consume, declare, method, publish

RATE = 200


class Share(NamedTuple):
    """What a phase was like, in microseconds."""

    messages: int
    p50: int
    p99: int


def work(port: int, told: Connection) -> None:
    """Works until it is told to stop, then says when each message was sent and how long it took."""
    sit_aside()
    run_first()
    publisher, consumer = Peer.opened(port), Peer.opened(port)
    publisher.send(method(1, 85, 10, b"\0"))
    publisher.until(b"\x00\x55\x00\x0b")
    consumer.send(declare("neighbour") + consume("neighbour", "n", 2))
    consumer.until(b"\x00\x3c\x00\x15")
    sent, took, confirmed = array("d"), array("d"), 0
    due, error = time.monotonic(), ""
    told.send("ready")
    try:
        while not told.poll():
            now = time.monotonic()
            if now >= due:
                # From when it was due: a neighbour who is held up counts its waiting.
                publisher.send(publish("", "neighbour", struct.pack(">d", due)))
                due += 1 / RATE
            readable, _, _ = select.select([publisher.socket, consumer.socket], [], [], max(0, due - time.monotonic()))
            if consumer.socket in readable:
                take(consumer, sent, took)
            if publisher.socket in readable:
                confirmed += drain(publisher)
    except (OSError, ConnectionError) as failure:
        error = str(failure)
    told.send((sent.tobytes(), took.tobytes(), confirmed, error))


def sit_aside() -> None:
    """The last processor is for those who do not belong to the broker, so that they take none of the others from it."""
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def run_first() -> None:
    """Its own waiting for a processor is not the broker's doing: it runs before the others where the system lets it."""
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(1))


def parts(peer: Peer) -> list[tuple[int, int, bytes]]:
    """The whole frames that are there."""
    data = peer.socket.recv(262144)
    if not data:
        raise ConnectionError("the neighbour's connection was ended")
    peer.unread += data
    whole = []
    while len(peer.unread) >= 7 and len(peer.unread) >= struct.unpack_from(">BHI", peer.unread)[2] + 8:
        frame = peer.next()
        assert frame is not None
        if frame[0] == 1 and frame[2][:4] in (b"\x00\x0a\x00\x32", b"\x00\x14\x00\x28"):
            raise ConnectionError("the neighbour was closed")
        whole.append(frame)
    return whole


def take(consumer: Peer, sent: array[float], took: array[float]) -> None:
    now = time.monotonic()
    for kind, _, payload in parts(consumer):
        if kind == 3:
            (at,) = struct.unpack(">d", payload)
            sent.append(at)
            took.append(now - at)


def drain(publisher: Peer) -> int:
    return sum(1 for kind, _, payload in parts(publisher) if kind == 1 and payload[:4] == b"\x00\x3c\x00\x50")


def share(sent: array[float], took: array[float], since: float, until: float) -> Share:
    phase = sorted(took[at] for at in range(len(sent)) if since <= sent[at] < until)
    if not phase:
        return Share(0, 0, 0)
    at = lambda part: int(phase[min(len(phase) - 1, int(len(phase) * part))] * 1e6)  # noqa: E731
    return Share(len(phase), at(0.5), at(0.99))
