"""What is measured: the rows, their commands, and which figures of a report count."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Callable

Json = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    seconds: float
    rounds: int
    quick: bool

    def count(self, messages: int) -> str:
        return str(max(messages // 50, 1) if self.quick else messages)


@dataclass(frozen=True)
class Figure:
    """One line of a table: where it stands in the report, and whether more of it is better."""

    unit: str
    path: str
    more_is_better: bool = True
    scale: float = 1.0

    def of(self, report: Json) -> float | None:
        value: Any = report
        for key in self.path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return None if value is None else float(value) * self.scale


@dataclass
class Row:
    name: str
    arguments: list[str]
    figures: list[Figure]
    # Memory that an earlier row left behind would count.
    fresh: bool = False
    only: str | None = None
    # Runs before, and does not count.
    prepare: list[str] | None = None
    # What the same bytes cost without a broker.
    bare: list[str] | None = None


@dataclass
class Section:
    title: str
    text: str
    rows: list[Row]


CPU = Figure("broker µs per message", "broker_process.cpu_us_per_message", more_is_better=False)


def rate(station: str) -> Figure:
    return Figure(f"{station} per second", f"{station}_per_s")


DELIVERED = [rate("delivered"), CPU]
PUBLISHED = [rate("published"), CPU]
CONFIRMED = [rate("confirmed"), CPU]
MIB = 1 / 1024 / 1024
KIB = 1 / 1024


def sections(settings: Settings) -> list[Section]:
    time = ["--duration", str(settings.seconds)]

    def through(name: str, figures: list[Figure], *options: str, only: str | None = None) -> Row:
        return Row(name, ["throughput", *time, *options], figures, only=only)

    first = [
        through("16 B, 1 producer, 1 consumer, auto-ack", DELIVERED, "--size", "16", "--auto-ack"),
        through("1 KiB, the same", DELIVERED, "--size", "1024", "--auto-ack"),
        through(
            "16 B, publish only, x-max-length 1000 (kept and not yet obeyed by HareMQ, whose queue grows)",
            PUBLISHED, "--size", "16", "--consumers", "0", "--argument", "x-max-length=1000",
        ),
        through(
            "fanout to 10 queues, 100 B", DELIVERED,
            "--exchange", "fanout", "--queues", "10", "--size", "100", "--auto-ack",
        ),
        topic(1_000, time),
        topic(100_000, time, only="HareMQ"),
        Row(
            "latency at 5,000 messages per second",
            ["latency", *time, "--rate", "5000", "--auto-ack"],
            [
                Figure("p50 µs", "latency_us.p50", more_is_better=False),
                Figure("p99 µs", "latency_us.p99", more_is_better=False),
            ],
        ),
        backlog(settings),
        Row(
            "idle connections with a channel",
            ["connections", "--count", settings.count(5_000), "--hold", "1"],
            [
                Figure("KiB each", "bytes_per_connection", more_is_better=False, scale=KIB),
                Figure("opened per second", "opened_per_s"),
            ],
            fresh=True,
        ),
        Row("connections come and go, 4 at a time", ["churn", *time], [Figure("per second", "per_s")]),
        Row(
            "queue declare, bind, delete, one client",
            ["churn", *time, "--what", "queues", "--parallel", "1"],
            [Figure("per second", "per_s")],
        ),
        Row(
            "start",
            [],
            [
                Figure("ms to the first handshake", "start_ms", more_is_better=False),
                Figure("RSS MiB after a second", "rss_bytes", more_is_better=False, scale=MIB),
            ],
            fresh=True,
        ),
    ]
    return [
        Section("The budgets", "Each row is a line of the project's budgets.", first),
        disk(time),
        Section("Sizes, 1 producer, 1 consumer, auto-ack", "", [
            through(label, DELIVERED, "--size", size, "--auto-ack")
            for label, size in (
                ("16 B", "16"), ("100 B", "100"), ("1 KiB", "1024"), ("16 KiB", "16384"), ("256 KiB", "262144"),
            )
        ]),
        Section("Shapes, 100 B", "", shapes(settings, through)),
    ]


def topic(bindings: int, time: list[str], only: str | None = None) -> Row:
    options = ["--exchange", "topic", "--bindings", str(bindings), "--size", "100", "--auto-ack"]
    name = f"topic, {bindings:,} bindings, keys in turn, 100 B"
    return Row(name, ["throughput", *time, *options], DELIVERED, only=only)


def backlog(settings: Settings) -> Row:
    name = f"{int(settings.count(1_000_000)):,} persistent messages of 100 B"
    command = ["backlog", "--messages", settings.count(1_000_000), "--size", "100", "--hold", "1"]
    figures = [
        Figure("filled per second", "fill.per_s"),
        Figure("drained per second", "drain.per_s"),
        Figure("RSS MiB while held", "hold.rss_bytes", more_is_better=False, scale=MIB),
    ]
    return Row(name, command, figures, fresh=True)


def disk(time: list[str]) -> Section:
    """What group commit may gather is the window of all publishers together: so much the bare loop writes."""
    rows = []
    for publishers, window in ((1, 1_000), (10, 100), (100, 10)):
        options = ["--producers", str(publishers), "--confirm", str(window), "--persistent", "--size", "1024"]
        consume = ["--consumers", "0"]
        bare = ["disk", *time, "--size", "1024", "--batch", str(publishers * window)]
        name = f"{publishers} publisher{'s' if publishers > 1 else ''}, window {window:,}"
        rows.append(Row(name, ["throughput", *time, *options, *consume], CONFIRMED, bare=bare))
    both = ["--confirm", "1000", "--prefetch", "1000", "--persistent", "--size", "1024"]
    bare = ["disk", *time, "--size", "1024", "--batch", "1000"]
    name = "1 publisher, window 1,000, 1 consumer, an ack for each"
    rows.append(Row(name, ["throughput", *time, *both], CONFIRMED, bare=bare))
    text = (
        "Persistent messages of 1 KiB to a durable queue, each confirmed. The bare loop writes as many messages "
        "as are in flight and calls `fdatasync`, over and over, on the same disk in the same round. "
        "Queues are classic ones, also in RabbitMQ."
    )
    return Section("On disk", text, rows)


def shapes(settings: Settings, through: Callable[..., Row]) -> list[Row]:
    size = ["--size", "100"]
    waiting = settings.count(500_000)
    return [
        through("publish only", PUBLISHED, *size, "--consumers", "0"),
        Row(
            "consume only, auto-ack",
            ["throughput", "--producers", "0", "--messages", waiting, "--auto-ack"],
            DELIVERED,
            fresh=True,
            prepare=["throughput", "--consumers", "0", "--messages", waiting, *size, "--keep"],
        ),
        through("acks for each, prefetch 100", DELIVERED, *size, "--prefetch", "100"),
        through(
            "8 producers, 8 consumers, 8 queues, auto-ack", DELIVERED,
            *size, "--producers", "8", "--consumers", "8", "--queues", "8", "--auto-ack",
        ),
        through(
            "8 producers, 8 consumers, 1 queue, auto-ack", DELIVERED,
            *size, "--producers", "8", "--consumers", "8", "--auto-ack",
        ),
    ]
