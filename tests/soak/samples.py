"""What the process takes, every ten seconds."""

from __future__ import annotations

import csv
import os
import statistics
import threading
import time
from pathlib import Path

from broker import Broker
from ledger import Ledger
from load import Load

EVERY_SECONDS = 10
COLUMNS = ["second", "rss_mib", "descriptors", "segments", "confirm_p99_ms", "delivery_p99_ms", "published", "delivered"]


def p99(all_ms: list[float]) -> float | None:
    return sorted(all_ms)[int(len(all_ms) * 0.99)] if all_ms else None


class Sampler:
    def __init__(self, broker: Broker, ledger: Ledger, load: Load) -> None:
        self.broker, self.ledger, self.load = broker, ledger, load
        self.rows: list[dict[str, float | None]] = []
        self.notes: list[tuple[float, str]] = []
        self.began = time.monotonic()
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)

    def start(self) -> None:
        self.thread.start()

    def stop(self) -> None:
        self.ended.set()
        self.thread.join()
        self.sample()

    def note(self, what: str) -> None:
        self.notes.append((time.monotonic() - self.began, what))

    def run(self) -> None:
        while not self.ended.wait(EVERY_SECONDS):
            self.sample()

    def sample(self) -> None:
        confirm_ms, delivery_ms = self.ledger.take_latencies()
        published, delivered = self.ledger.counts()
        child = self.broker.child
        rss = descriptors = None
        try:
            status = Path(f"/proc/{child.pid}/status").read_text()
            rss = next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS:"))
            descriptors = len(os.listdir(f"/proc/{child.pid}/fd"))
        except (OSError, StopIteration):
            # It is down just now.
            pass
        segments = sum(1 for _ in self.broker.data.rglob("*.segment"))
        second = time.monotonic() - self.began
        row = [second, rss, descriptors, segments, p99(confirm_ms), p99(delivery_ms), published, delivered]
        self.rows.append(dict(zip(COLUMNS, row, strict=True)))

    def write(self, path: Path) -> None:
        with open(path, "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in self.rows:
                writer.writerow("" if row[name] is None else round(row[name], 2) for name in COLUMNS)

    def rss_early_and_late(self) -> tuple[float, float]:
        """Medians: after the start has settled, and at the end."""
        rss = [row["rss_mib"] for row in self.rows if row["rss_mib"] is not None]
        fifth = max(1, len(rss) // 5)
        return statistics.median(rss[fifth : 2 * fifth] or rss), statistics.median(rss[-fifth:])

    def last(self) -> str:
        row = self.rows[-1]
        return f"at the end {row['rss_mib'] or 0:.0f} MiB, {row['descriptors']} file descriptors, {row['segments']} segments"
