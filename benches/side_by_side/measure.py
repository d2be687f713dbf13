"""Runs the rows on the brokers in turn."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from brokers import Broker, BrokerError
from rows import Json, Row, Section, Settings

RUN_SECONDS = 300
BARE = "bare loop"


@dataclass
class Bench:
    binary: Path
    folder: Path
    brokers: list[Broker]


@dataclass
class Measured:
    row: Row
    # By figure and participant: one value per round.
    values: dict[str, dict[str, list[float]]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)

    def take(self, participant: str, report: Json) -> None:
        for figure in self.row.figures:
            value = figure.of(report)
            if value is not None:
                self.values.setdefault(figure.unit, {}).setdefault(participant, []).append(value)

    def median(self, unit: str, participant: str) -> float | None:
        values = self.values.get(unit, {}).get(participant)
        return statistics.median(values) if values else None


@dataclass
class Results:
    section: Section
    rows: list[Measured]


def measure(bench: Bench, sections: list[Section], settings: Settings, only: str) -> list[Results]:
    results = []
    for section in sections:
        rows = [row for row in section.rows if only in row.name]
        measured = [run_row(bench, row, settings) for row in rows]
        if measured:
            results.append(Results(section, measured))
    return results


def run_row(bench: Bench, row: Row, settings: Settings) -> Measured:
    measured = Measured(row)
    say(row.name)
    for _ in range(settings.rounds):
        for broker in bench.brokers:
            if row.only not in (None, broker.name):
                continue
            try:
                report = run_on(bench, broker, row)
            except BrokerError as error:
                measured.failures.append(f"{broker.name}: {error}")
                say(f"  {broker.name}: {error}")
                # Whatever state it is in, the next row gets another.
                broker.stop()
                continue
            measured.take(broker.name, report)
        if row.bare:
            pause_others(bench, None)
            report = perf(bench, [*row.bare, "--dir", str(bench.folder)])
            per_s = float(report["per_s"])
            measured.values.setdefault(row.figures[0].unit, {}).setdefault(BARE, []).append(per_s)
    return measured


def run_on(bench: Bench, broker: Broker, row: Row) -> Json:
    pause_others(bench, broker)
    if row.fresh:
        broker.stop()
    if not broker.is_running():
        broker.start()
    broker.resume()
    if not row.arguments:
        time.sleep(1)
        return {"start_ms": broker.start_seconds * 1000, "rss_bytes": broker.rss_bytes()}
    at = ["--uri", broker.uri, "--pid", str(broker.pid)]
    if row.prepare:
        perf(bench, [*row.prepare, *at])
    report = perf(bench, [*row.arguments, *at])
    if row.prepare:
        # It left a queue that was not its own.
        broker.stop()
    return report


def pause_others(bench: Bench, runs: Broker | None) -> None:
    for broker in bench.brokers:
        if broker is not runs:
            broker.pause()


def perf(bench: Bench, arguments: list[str]) -> Json:
    command = [str(bench.binary), "perf", *arguments, "--json"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired as error:
        raise BrokerError(f"no end within {RUN_SECONDS} s: haremq perf {' '.join(arguments)}") from error
    if done.returncode != 0:
        raise BrokerError(f"haremq perf {' '.join(arguments)}: {done.stderr.strip() or done.stdout.strip()}")
    report: Json = json.loads(done.stdout)
    return report


def say(text: str) -> None:
    print(f"side_by_side: {text}", file=sys.stderr, flush=True)
