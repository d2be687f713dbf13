"""The samples as an SVG: one panel for each figure, one line for each trouble. Latencies stand on a logarithmic scale."""

from __future__ import annotations

import math
from collections.abc import Callable

WIDTH, PANEL, LEFT, GAP = 900, 110, 70, 34
PANELS = [
    ("memory (RSS), MiB", "rss_mib"),
    ("of it not pages of the program's file, MiB", "anonymous_mib"),
    ("file descriptors", "descriptors"),
    ("segments of the log", "segments"),
    ("p99 of confirms, ms", "confirm_p99_ms"),
    ("p99 from publish (or expiry) to first delivery, ms", "delivery_p99_ms"),
]
COLOURS = {"restart": "#2a7", "kill": "#c33", "disk full": "#d80", "calm": "#26c"}

LEGEND = {"calm": "no trouble from here on"}


def rounded_up(value: float) -> float:
    power = 10 ** math.floor(math.log10(max(value, 1)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def scale(column: str, known: list[tuple[float, float]]) -> tuple[Callable[[float], float], list[float]]:
    """Where between the bottom (0) and the top (1) of its panel a value stands, and the values at its lines."""
    high = rounded_up(max((value for _, value in known), default=1))
    if column.endswith("_ms"):
        decades = max(1, math.ceil(math.log10(max(high, 1))))
        return lambda value: max(0.0, math.log10(max(value, 1)) / decades), [10**power for power in range(decades + 1)]
    return lambda value: value / high, [0, high / 2, high]


def draw(rows: list[dict], notes: list[tuple[float, str]]) -> str:
    seconds = max(row["second"] for row in rows)
    height = GAP + len(PANELS) * (PANEL + GAP) + 20
    x = lambda second: LEFT + second / seconds * (WIDTH - LEFT - 20)  # noqa: E731
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
    ]
    for at, (name, colour) in enumerate(COLOURS.items()):
        out.append(f'<text x="{LEFT + at * 110}" y="18" fill="{colour}">| {LEGEND.get(name, name)}</text>')
    for number, (title, column) in enumerate(PANELS):
        top = GAP + number * (PANEL + GAP) + 10
        known = [(row["second"], row[column]) for row in rows if row[column] is not None]
        height_of, lines = scale(column, known)
        out.append(f'<text x="{LEFT}" y="{top - 5}" fill="#333">{title}</text>')
        for value in lines:
            y = top + PANEL * (1 - height_of(value))
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
            out.append(f'<text x="{LEFT - 6}" y="{y + 4:.1f}" fill="#333" text-anchor="end">{value:g}</text>')
        for second, what in notes:
            if what in COLOURS:
                place = f'x1="{x(second):.1f}" x2="{x(second):.1f}" y1="{top}" y2="{top + PANEL}"'
                out.append(f'<line {place} stroke="{COLOURS[what]}" stroke-dasharray="3 3"/>')
        points = " ".join(f"{x(second):.1f},{top + PANEL * (1 - height_of(value)):.1f}" for second, value in known)
        out.append(f'<polyline points="{points}" fill="none" stroke="#247" stroke-width="1.5"/>')
    for part in range(5):
        second = seconds * part / 4
        out.append(f'<text x="{x(second):.1f}" y="{height - 6}" fill="#333" text-anchor="middle">{second / 60:.1f} min</text>')
    return "\n".join([*out, "</svg>", ""])
