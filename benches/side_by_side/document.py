"""The tables as Markdown, and their place in a document."""

from __future__ import annotations

import os
import platform
from pathlib import Path

from brokers import Broker
from measure import BARE, Measured, Results
from rows import Settings

BEGIN = "<!-- side by side: begin (written by benches/side_by_side --write) -->"
END = "<!-- side by side: end -->"


def tables(results: list[Results], brokers: list[Broker], missing: list[str], settings: Settings) -> str:
    lines = [machine(), ""]
    versions = ", ".join(f"{broker.name} {broker.version()}" for broker in brokers)
    lines.append(f"Brokers: {versions}." + (f" Not installed there: {', '.join(missing)}." if missing else ""))
    rounds = "one round" if settings.rounds == 1 else f"medians of {settings.rounds} rounds"
    lines.append(
        f"Command: `make side-by-side`; {rounds} of {settings.seconds:g} s per row, each broker alone while the "
        "others are stopped, the load (`haremq perf`) on the same machine. A ratio above 1 is in favour of HareMQ."
    )
    for result in results:
        lines += ["", f"### {result.section.title}", ""]
        if result.section.text:
            lines += [result.section.text, ""]
        names = [broker.name for broker in brokers]
        if any(measured.row.bare for measured in result.rows):
            names.append(BARE)
        lines += table(result.rows, names)
    failures = [text for result in results for measured in result.rows for text in measured.failures]
    if failures:
        lines += ["", "Runs that failed:", ""] + [f"* {text}" for text in failures]
    return "\n".join(lines)


def table(rows: list[Measured], names: list[str]) -> list[str]:
    others = names[1:]
    heading = ["what", "", *names, *(f"to {name}" for name in others)]
    lines = ["| " + " | ".join(heading) + " |", "| " + " | ".join("---" for _ in heading) + " |"]
    for measured in rows:
        name = measured.row.name
        for figure in measured.row.figures:
            values = [measured.median(figure.unit, participant) for participant in names]
            ours = values[0]
            ratios = [ratio(ours, theirs, figure.more_is_better) for theirs in values[1:]]
            cells = [name, figure.unit, *(shown(value) for value in values), *ratios]
            lines.append("| " + " | ".join(cells) + " |")
            # The name stands in the first line of its figures.
            name = ""
    return lines


def shown(value: float | None) -> str:
    if value is None:
        return "–"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def ratio(ours: float | None, theirs: float | None, more_is_better: bool) -> str:
    if not ours or not theirs:
        return "–"
    value = ours / theirs if more_is_better else theirs / ours
    return f"{value:.1f}" if value >= 1 else f"{value:.2f}"


def machine() -> str:
    model = "unknown processor"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return f"Machine: {cores} cores of {model}, {memory:.0f} GiB, {platform.system()} {platform.release()}."


def put_into(path: Path, text: str) -> None:
    """Replaces what stands between the markers; adds them at the end when they are not there."""
    old = path.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN)
    if begin:
        _, end, after = rest.partition(END)
        if not end:
            raise SystemExit(f"side_by_side: {path} has a begin marker and no end marker")
    else:
        before, after = old.rstrip("\n") + "\n\n## Side by side\n\n", "\n"
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
