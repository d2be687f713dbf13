"""The table, and the page that holds it."""

from __future__ import annotations

from pathlib import Path
from statistics import median_low
from typing import NamedTuple

from neighbour import Share

HEADING = """| attack | the bound | what the peer gets | neighbour p50 / p99, ms: before | during | after | RSS, MiB: idle / highest / after | gone after |
| --- | --- | --- | --- | --- | --- | --- | --- |"""


class Row(NamedTuple):
    attack: str
    bounds: str
    told: str
    shares: tuple[Share, Share, Share]
    memory: tuple[float, float, float]
    gone_after: float
    failure: str


def middle(runs: list[Row]) -> Row:
    """Of several runs of one attack: the medians of the latencies, the most memory, the longest recovery."""
    phases = zip(*(run.shares for run in runs), strict=True)
    shares = [Share(*(median_low(values) for values in zip(*phase, strict=True))) for phase in phases]
    idle, highest, after = (max(values) for values in zip(*(run.memory for run in runs), strict=True))
    failure = "; ".join(run.failure for run in runs if run.failure)
    told = next((run.told for run in runs if run.told.startswith("FAILED")), runs[0].told)
    gone_after = max(run.gone_after for run in runs)
    return Row(runs[0].attack, runs[0].bounds, told, (shares[0], shares[1], shares[2]), (idle, highest, after), gone_after, failure)


def table(rows: list[Row], heading: bool = True) -> str:
    return "\n".join(([HEADING] if heading else []) + [line(row) for row in rows])


def line(row: Row) -> str:
    phases = [f"{share.p50 / 1000:.2f} / {share.p99 / 1000:.2f}" if share.messages else "–" for share in row.shares]
    memory = " / ".join(f"{mib:.0f}" for mib in row.memory)
    told = row.told + (f" **{row.failure}**" if row.failure else "")
    return "| " + " | ".join([row.attack, row.bounds, told.replace("|", "/"), *phases, memory, f"{row.gone_after:.1f} s"]) + " |"


def write(page: Path, rows: list[Row], runs: int, descriptors: int, watermark_mib: int) -> None:
    text = page.read_text() if page.exists() else "<!-- begin -->\n<!-- end -->\n"
    before, rest = text.split("<!-- begin -->", 1)
    _, after = rest.split("<!-- end -->", 1)
    said = f"{descriptors:,} descriptors for each process; memory watermark {watermark_mib} MiB; latencies are medians of {runs} runs."
    page.write_text(f"{before}<!-- begin -->\n{said}\n\n{table(rows)}\n<!-- end -->{after}")
