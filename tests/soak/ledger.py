"""What was published, what was confirmed, and what came."""

from __future__ import annotations

import threading
import time
from collections import defaultdict


class Ledger:
    """One account for each queue: a message that is confirmed must come out of every queue it went to."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.published = 0
        self.confirmed: dict[str, set[int]] = defaultdict(set)
        self.delivered: dict[str, set[int]] = defaultdict(set)
        self.acked: dict[str, set[int]] = defaultdict(set)
        self.tried: dict[str, set[int]] = defaultdict(set)
        self.twice = 0
        self.unmarked: dict[str, int] = defaultdict(int)
        self.unknown = 0
        self.confirm_ms: list[float] = []
        self.delivery_ms: list[float] = []
        self.next_id = 0

    def publishes(self, queues: list[str]) -> int:
        with self.lock:
            self.next_id += 1
            self.published += 1
            for queue in queues:
                self.tried[queue].add(self.next_id)
            return self.next_id

    def confirms(self, message: int, queues: list[str], took_ms: float) -> None:
        with self.lock:
            self.confirm_ms.append(took_ms)
            for queue in queues:
                self.confirmed[queue].add(message)

    def delivers(self, message: int, queue: str, redelivered: bool, took_ms: float) -> None:
        with self.lock:
            if message not in self.tried[queue]:
                self.unknown += 1
            if message in self.delivered[queue]:
                self.twice += 1
                self.unmarked[queue] += not redelivered
            else:
                self.delivery_ms.append(took_ms)
            self.delivered[queue].add(message)

    def acks(self, message: int, queue: str) -> None:
        with self.lock:
            self.acked[queue].add(message)

    def missing(self) -> dict[str, int]:
        with self.lock:
            return {queue: len(all - self.acked[queue]) for queue, all in self.confirmed.items()}

    def wait_until_complete(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if not any(self.missing().values()):
                return True
            time.sleep(0.2)
        return False

    def take_latencies(self) -> tuple[list[float], list[float]]:
        """Since the last time."""
        with self.lock:
            taken = self.confirm_ms, self.delivery_ms
            self.confirm_ms, self.delivery_ms = [], []
            return taken

    def counts(self) -> tuple[int, int]:
        """Published, and delivered from all queues."""
        with self.lock:
            return self.published, sum(len(all) for all in self.delivered.values())

    def line(self) -> str:
        published, delivered = self.counts()
        return f"{published} published, {delivered} delivered, {sum(self.missing().values())} on their way"

    def table(self) -> list[str]:
        lines = []
        for queue in sorted(self.confirmed):
            confirmed, delivered = len(self.confirmed[queue]), len(self.delivered[queue])
            lost = len(self.confirmed[queue] - self.delivered[queue])
            lines.append(f"{queue}: {confirmed} confirmed, {delivered} delivered, {lost} lost")
        unmarked = ", ".join(f"{count} in {queue}" for queue, count in self.unmarked.items() if count) or "none"
        lines.append(f"{self.twice} came again; of them not marked redelivered: {unmarked}")
        return lines

    def faults(self) -> list[str]:
        faults = [f"{queue}: {lost} confirmed messages never came" for queue, lost in self.missing().items() if lost]
        if self.unknown:
            faults.append(f"{self.unknown} messages came that nobody had published there")
        for queue, count in self.unmarked.items():
            # A kill between a dead letter and its removal from where it expired brings a second letter, which is a new one.
            if count and queue != "dead":
                faults.append(f"{queue}: {count} messages came again and were not marked redelivered")
        return faults
