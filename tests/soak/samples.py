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
from picture import draw

EVERY_SECONDS = 10
COLUMNS = ["second", "rss_mib", "anonymous_mib", "descriptors", "segments"]
COLUMNS += ["confirm_p99_ms", "delivery_p99_ms", "published", "delivered"]


def p99(all_ms: list[float]) -> float | None:
    return sorted(all_ms)[int(len(all_ms) * 0.99)] if all_ms else None


class Sampler:
    """Writes what it saw after every sample, so that a run that is cut short leaves its figures."""

    def __init__(self, broker: Broker, ledger: Ledger, load: Load, out: Path) -> None:
        self.broker, self.ledger, self.load, self.out = broker, ledger, load, out
        # Rows of `rows` without trouble: the first, and one behind the last.
        self.calm = (0, 0)
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
        rss = anonymous = descriptors = None
        try:
            status = Path(f"/proc/{child.pid}/status").read_text()
            mib = {line.split()[0]: int(line.split()[1]) / 1024 for line in status.splitlines() if line.endswith(" kB")}
            rss, anonymous = mib["VmRSS:"], mib["RssAnon:"]
            descriptors = len(os.listdir(f"/proc/{child.pid}/fd"))
        except (OSError, KeyError):
            # It is down just now.
            pass
        segments = sum(1 for _ in self.broker.data.rglob("*.segment"))
        second = time.monotonic() - self.began
        row = [second, rss, anonymous, descriptors, segments, p99(confirm_ms), p99(delivery_ms), published, delivered]
        self.rows.append(dict(zip(COLUMNS, row, strict=True)))
        self.write()

    def write(self) -> None:
        with open(self.out / "soak.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            for row in self.rows:
                writer.writerow("" if row[name] is None else round(row[name], 2) for name in COLUMNS)
        (self.out / "soak.svg").write_text(draw(self.rows, self.notes), encoding="utf-8")

    def begin_calm(self) -> None:
        self.note("calm")
        self.calm = (len(self.rows), len(self.rows))

    def end_calm(self) -> None:
        self.calm = (self.calm[0], len(self.rows))

    def rss_of_the_calm(self) -> tuple[float, float]:
        """Medians of its first and its last fifth."""
        calm = self.rows[slice(*self.calm)] or self.rows
        rss = [row["rss_mib"] for row in calm if row["rss_mib"] is not None]
        fifth = max(1, len(rss) // 5)
        return statistics.median(rss[:fifth]), statistics.median(rss[-fifth:])

    def last(self) -> str:
        row = self.rows[-1]
        return f"at the end {row['rss_mib'] or 0:.1f} MiB, {row['descriptors']} file descriptors, {row['segments']} segments"
