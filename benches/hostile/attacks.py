"""The attacks. Each runs in a process of its own and says what the peer was told."""

from __future__ import annotations

import base64
import multiprocessing
import os
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from amqp import HEADER, OPEN, Peer, bind, channel_open, consume, declare, delete, frame, method, nested, publish, short, start_ok, tune_ok


@dataclass
class Target:
    amqp: int
    http: int
    tls: int
    # How long what goes on without an end does so; and what numbers are divided by, to only try.
    seconds: float
    share: int

    def times(self, count: int) -> int:
        return max(1, count // self.share)

    def lasting(self) -> Callable[[], bool]:
        end = time.monotonic() + self.seconds
        return lambda: time.monotonic() < end


@dataclass
class Attack:
    name: str
    # Names in src/base/limits.rs, or of what else stops it.
    bounds: str
    run: Callable[[Target], str]
    # Whether it leaves the processors to the broker and the neighbour.
    yields: bool = True


def told(answers: Counter[str]) -> str:
    return "; ".join(f"{text} ({count:,} ×)" for text, count in answers.most_common(3))


def slow_handshakes(target: Target) -> str:
    start, opening = start_ok(), OPEN
    steps = [(b"", HEADER), (HEADER, start), (HEADER + start, b"\1\0\0\0\0\0\0"), (HEADER + start + tune_ok(), opening)]
    peers = []
    for number in range(target.times(1000)):
        before, rest = steps[number % 4]
        peer = Peer(target.amqp)
        peer.send(before)
        peers.append((peer, rest[:-1]))
    begin = time.monotonic()
    for at in range(40):
        for peer, rest in peers:
            try:
                peer.socket.send(rest[at : at + 1])
            except OSError:
                pass
        time.sleep(0.3)
    answers = Counter(peer.refusal() for peer, _ in peers)
    return f"{told(answers)}, within {time.monotonic() - begin:.0f} s"


def connections(target: Target) -> str:
    peers: list[Peer] = []
    refused = ""
    try:
        for _ in range(target.times(20_000)):
            peer = Peer(target.amqp)
            peer.send(HEADER + start_ok() + tune_ok() + OPEN + channel_open(1))
            peers.append(peer)
        for peer in peers:
            peer.until(b"\x00\x14\x00\x0b")
    except OSError as error:
        refused = f", then {error}"
    return f"{len(peers):,} connections are open, each with a channel{refused}"


def never_reading(target: Target) -> str:
    publisher = Peer.opened(target.amqp)
    publisher.send(declare("deaf", 2))
    deaf = [Peer.opened(target.amqp) for _ in range(50)]
    for peer in deaf:
        peer.send(consume("deaf", "c"))
    body = publish("", "deaf", b"x" * 16384)
    for _ in range(target.times(20_000)):
        publisher.send(body)
    publisher.settled()
    time.sleep(target.seconds)
    publisher.send(declare("deaf", 1))
    answer = publisher.until(b"\x00\x32\x00\x0b")
    (ready,) = struct.unpack_from(">I", answer, 5 + answer[4])
    publisher.send(delete("deaf"))
    publisher.settled()
    return f"{ready:,} of {target.times(20_000):,} messages of 16 KiB stay in the queue, the others are handed out and not read"


def never_acking(target: Target) -> str:
    publisher = Peer.opened(target.amqp)
    publisher.send(declare("held"))
    greedy = Peer.opened(target.amqp)
    greedy.send(consume("held", "c"))
    batch = publish("", "held", b"x" * 100) * 100
    total, got = target.times(400_000), 0
    for _ in range(total // 100):
        publisher.send(batch)
        greedy.socket.settimeout(0)
        try:
            while data := greedy.socket.recv(1 << 20):
                got += len(data)
        except BlockingIOError:
            pass
    publisher.settled()
    greedy.socket.settimeout(target.seconds)
    try:
        while data := greedy.socket.recv(1 << 20):
            got += len(data)
    except TimeoutError:
        pass
    publisher.send(delete("held"))
    publisher.settled()
    return f"deliveries ({got / 1e6:.0f} MB of them), none of which it settles"


def channels(target: Target) -> str:
    asked = Peer(target.amqp)
    asked.send(HEADER + start_ok() + tune_ok(channel_max=65535))
    answers = Counter([asked.refusal()])
    full = []
    for _ in range(target.times(50)):
        peer = Peer.opened(target.amqp)
        peer.send(b"".join(channel_open(number) for number in range(2, 2048)))
        full.append(peer)
    for peer in full:
        for _ in range(2046):
            peer.until(b"\x00\x14\x00\x0b")
    time.sleep(target.seconds)
    for peer in full:
        peer.send(channel_open(2048))
        answers[peer.refusal()] += 1
    return told(answers)


def bindings(target: Target) -> str:
    peer = Peer.opened(target.amqp)
    peer.send(declare("bound", 4))
    count = target.times(1_000_000)
    for start in range(0, count, 1000):
        peer.send(b"".join(bind("bound", "amq.topic", f"a.{number}.*.b{number % 97}.#") for number in range(start, start + 1000)))
    peer.settled()
    time.sleep(target.seconds)
    peer.close()
    return f"{count:,} bindings are there; they go with their queue"


def tiny_queues(target: Target) -> str:
    peer = Peer.opened(target.amqp)
    count = target.times(100_000)
    for start in range(0, count, 1000):
        peer.send(b"".join(declare(f"tiny-{number}", 4 | 16) for number in range(start, start + 1000)))
    peer.settled()
    time.sleep(target.seconds)
    peer.close()
    return f"{count:,} queues are there; they go with their connection"


def header_tables(target: Target) -> str:
    peer = Peer.opened(target.amqp)
    peer.send(declare("far", 4, short("x-max-length") + b"I\0\0\0\x64"))
    for number in range(50):
        peer.send(bind("far", "amq.headers", "", short("x-match") + b"S" + long_text("any") + short(f"h{number}") + b"I\0\0\0\1"))
    table = b"".join(short(f"{number:05}") + b"I\0\0\0\7" for number in range(131_000 // 11))
    message = publish("amq.headers", "", b"", b"\x20\0" + struct.pack(">I", len(table)) + table)
    lasting = target.lasting()
    while lasting():
        peer.send(message * 10)
    peer.settled()
    peer.send(publish("amq.headers", "", b"", b"\x20\0" + struct.pack(">I", 2 * len(table)) + table * 2))
    return peer.refusal()


def long_text(text: str) -> bytes:
    return struct.pack(">I", len(text)) + text.encode()


def small_frames(target: Target) -> str:
    peer = Peer.opened(target.amqp, frame_max=4096)
    peer.send(declare("large", 4, short("x-max-length") + b"I\0\0\0\1"))
    message = publish("", "large", b"x" * (100 * 1024 * 1024 // target.share), piece=4088)
    for _ in range(5):
        peer.send(message)
    peer.settled()
    peer.send(publish("", "large", b"")[: -len(frame(2, 1, b"x" * 14))])
    peer.send(frame(2, 1, struct.pack(">HHQ", 60, 0, 1 << 40) + b"\0\0"))
    return "5 bodies are taken; " + peer.refusal()


def header_bombs(target: Target) -> str:
    deep, answers = nested(3000), Counter[str]()
    bomb = method(1, 60, 40, b"\0\0\0\0\0") + frame(2, 1, struct.pack(">HHQ", 60, 0, 0) + b"\x20\0" + struct.pack(">I", len(deep)) + deep)
    lasting = target.lasting()
    while lasting():
        for bytes_ in (declare("deep", 0, deep), bomb):
            peer = Peer.opened(target.amqp)
            peer.send(bytes_)
            answers[peer.refusal()] += 1
            peer.close()
    return told(answers)


def storm(target: Target) -> str:
    peers = [Peer.opened(target.amqp) for _ in range(2)]
    peers[0].send(declare("storm"))
    peers[0].settled()
    batch, sent = publish("", "storm", b"x" * 16) * 1000, 0
    lasting = target.lasting()
    while lasting():
        for peer in peers:
            peer.send(batch)
            sent += 1000
    for peer in peers:
        peer.settled()
    peers[0].send(delete("storm"))
    peers[0].settled()
    return f"it is read as fast as others get their turns: {sent / 1e6:.1f} million messages"


def declare_delete(target: Target) -> str:
    peer = Peer.opened(target.amqp)
    once = declare("brief", 2 | 16) + bind("brief", "amq.topic", "#") + delete("brief")
    done, lasting = 0, target.lasting()
    while lasting():
        peer.send(once * 50)
        peer.settled()
        done += 50
    return f"{done:,} durable queues were declared, bound and deleted"


def consumer_churn(target: Target) -> str:
    peer = Peer.opened(target.amqp)
    peer.send(declare("churned", 4) + publish("", "churned", b"x") * 100)
    once = consume("churned", "c", 8) + method(1, 60, 30, short("c") + b"\1") + method(1, 60, 100, b"\1")
    done, lasting = 0, target.lasting()
    while lasting():
        peer.send(once * 20)
        peer.settled()
        done += 20
    return f"{done:,} consumers came and went; 100 messages are handed out and requeued each time"


def deaf_asker(target: Target) -> str:
    peers = [Peer.opened(target.amqp) for _ in range(20)]
    question, taken = publish("", "nowhere", b"x" * 10_000, flags=1) * 10, 0
    for peer in peers:
        peer.socket.settimeout(0.5)
        try:
            while True:
                taken += peer.socket.send(question)
        except TimeoutError:
            pass
    time.sleep(target.seconds)
    return f"it is not read any more, after {taken / len(peers) / 1e6:.0f} MB each"


def tls_garbage(target: Target) -> str:
    starts = [b"", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"\x16\x03\x03\xff\xff", b"\x17\x03\x03\x40\x00", HEADER]
    answers, lasting, number = Counter[str](), target.lasting(), 0
    held = [socket.create_connection(("127.0.0.1", target.tls)) for _ in range(target.times(500))]
    while lasting():
        number += 1
        with socket.create_connection(("127.0.0.1", target.tls), timeout=60) as peer:
            try:
                peer.sendall(starts[number % len(starts)] + os.urandom(300))
                peer.shutdown(socket.SHUT_WR)
                answers["an alert" if peer.recv(100) else "the end"] += 1
            except OSError:
                answers["a reset"] += 1
    return f"{told(answers)}; {len(held)} say nothing and are ended"


def http(target: Target, request: bytes) -> str:
    """The first status that comes; everything is read until the end."""
    got = b""
    with socket.create_connection(("127.0.0.1", target.http), timeout=60) as peer:
        try:
            peer.sendall(request)
            while data := peer.recv(65536):
                got += data
        except OSError:
            pass
    return got[9:12].decode() or "the end"


WHO = b"authorization: Basic " + base64.b64encode(b"guest:guest") + b"\r\n"


def smuggling(target: Target) -> str:
    hidden = b"PUT /api/vhosts/smuggled HTTP/1.1\r\nhost: b\r\n" + WHO + b"content-length: 2\r\n\r\n{}"
    last = b"GET /api/whoami HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n"
    forms = [
        b"content-length: 300\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 0\r\ncontent-length: 150\r\n\r\n",
        b"x: a\r\n content-length: 0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n+0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        b"transfer-encoding : chunked\r\n\r\n0\r\n\r\n",
    ]
    answers, lasting = Counter[str](), target.lasting()
    while lasting():
        for form in forms:
            answers[http(target, b"GET /api/whoami HTTP/1.1\r\nhost: b\r\n" + WHO + form + hidden + last)] += 1
    there = http(target, b"GET /api/vhosts/smuggled HTTP/1.1\r\nhost: b\r\nconnection: close\r\n" + WHO + b"\r\n")
    return f"{told(answers)}; what is hidden was {'not carried out' if there == '404' else 'CARRIED OUT'}"


def paths(target: Target) -> str:
    tries = ["/../../../etc/passwd", "/js/%2e%2e%2f%2e%2e%2fetc%2fpasswd", "/js/..%5c..%5cetc", "//etc/passwd", "/js/%252e%252e/etc", "/js/main.js%00"]
    answers, lasting = Counter[str](), target.lasting()
    while lasting():
        for path in tries:
            answers[http(target, f"GET {path} HTTP/1.1\r\nhost: b\r\nconnection: close\r\n\r\n".encode())] += 1
    return told(answers)


def slow_http(target: Target) -> str:
    held, turned = [], 0
    for _ in range(target.times(5000)):
        peer = socket.create_connection(("127.0.0.1", target.http), timeout=60)
        try:
            peer.sendall(b"GET /api/overview HTTP/1.1\r\nhost: ")
        except OSError:
            pass
        held.append(peer)
    time.sleep(target.seconds)
    for peer in held:
        peer.settimeout(0)
        try:
            turned += not peer.recv(1)
        except BlockingIOError:
            pass
        except OSError:
            turned += 1
    return f"{len(held) - turned:,} half heads are held, {turned:,} connections turned away without a word"


def guesses_amqp(target: Target) -> str:
    answers, lasting = Counter[str](), target.lasting()
    while lasting():
        peers = [Peer(target.amqp) for _ in range(200)]
        for number, peer in enumerate(peers):
            peer.send(HEADER + start_ok(f"user-{number % 40}", str(number)))
        answers.update(peer.refusal() for peer in peers)
        for peer in peers:
            peer.close()
    return told(answers)


def guesses_http(target: Target) -> str:
    answers, lasting = Counter[str](), target.lasting()
    while lasting():
        peers = []
        for number in range(200):
            peer = socket.create_connection(("127.0.0.1", target.http), timeout=60)
            login = base64.b64encode(f"user-{number % 40}:{number}".encode())
            peer.sendall(b"GET /api/whoami HTTP/1.1\r\nhost: b\r\nconnection: close\r\nauthorization: Basic " + login + b"\r\n\r\n")
            peers.append(peer)
        for peer in peers:
            answers[peer.recv(65536)[9:12].decode()] += 1
            peer.close()
    return told(answers)


def busy(target: Target) -> str:
    """No attack: what the machine alone does to a neighbour while its processors are full."""
    loops = [multiprocessing.Process(target=endless, daemon=True) for _ in range(3)]
    for loop in loops:
        loop.start()
    time.sleep(target.seconds)
    for loop in loops:
        loop.kill()
    return "for comparison: the broker is left alone"


def endless() -> None:
    while True:
        pass


ATTACKS = [
    Attack("none, but three endless loops of another program", "–", busy, yields=False),
    Attack("1,000 handshakes that go on by single bytes", "`HANDSHAKE_TIMEOUT_MS`", slow_handshakes),
    Attack("20,000 connections", "`CONNECTIONS_MAX`, `connection_max`", connections),
    Attack("50 consumers that never read", "`INBOX_HIGH_WATER_BYTES`, `OUTPUT_HIGH_WATER_BYTES`", never_reading),
    Attack("a consumer that never acks", "`UNSETTLED_PER_CONSUMER_MAX`", never_acking),
    Attack("65,535 channels asked; 50 × 2,047 open", "`CHANNEL_MAX_DEFAULT`, `channel_max_per_node`, `TURN_CHANNELS_MAX`", channels),
    Attack("1,000,000 bindings", "`BINDINGS_BYTES_MAX`", bindings),
    Attack("100,000 tiny queues", "`QUEUES_MAX`, `cluster_queue_limit`", tiny_queues),
    Attack("header tables that fill a frame", "`FRAME_MAX_DEFAULT`", header_tables),
    Attack("bodies of 100 MiB in frames of 4 KiB", "`MESSAGE_BYTES_MAX_DEFAULT`, `MESSAGE_BYTES_MAX_HARD`", small_frames),
    Attack("tables 3,000 levels deep", "`TABLE_DEPTH_MAX`", header_bombs),
    Attack("a publish storm without consumers", "`TURN_BYTES_MAX`, `CELL_INBOX_MESSAGES_MAX`, `TURN_TICKETS_MIN`, `LOG_WAITING_BYTES_MAX`, `LOG_ROOM_BYTES`", storm),
    Attack("declare, bind, delete", "`TURN_BYTES_MAX`", declare_delete),
    Attack("consumer churn", "`TURN_BYTES_MAX`, `DRIVE_BURSTS_MAX`", consumer_churn),
    Attack("20 publishers that never read their returns", "`OUTPUT_STOP_READING_BYTES`", deaf_asker),
    Attack("garbage on the port for TLS", "`TLS_HANDSHAKES_MAX`, `TLS_HANDSHAKE_TIMEOUT_MS`", tls_garbage),
    Attack("HTTP requests that hide others", "hyper refuses or closes", smuggling),
    Attack("paths that want to leave the pages", "the pages are no folder", paths),
    Attack("5,000 half HTTP heads", "`HTTP_CONNECTIONS_MAX`, `HTTP_SILENCE_MS`", slow_http),
    Attack("password guesses over AMQP", "`LOGIN_PAUSE_MAX_MS`", guesses_amqp),
    Attack("password guesses over HTTP", "`LOGIN_PAUSE_MAX_MS`, `HTTP_WORKING_MAX`", guesses_http),
]

