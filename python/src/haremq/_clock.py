"""The broker's clock, as it says what it shows, and spans of time for it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Union

Span = Union[int, float, timedelta]


@dataclass(frozen=True)
class Clock:
    """What the broker's clock shows.

    Attributes:
        now_ms: milliseconds on the broker's own clock, which never goes back.
        unix_ms: the same moment as milliseconds since 1970.
        advanced_ms: by how much it was advanced in all.
        frozen: whether only `advance` moves it.
    """

    now_ms: int
    unix_ms: int
    advanced_ms: int
    frozen: bool

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Clock:
        """Reads the broker's answer."""
        return cls(answer["now_ms"], answer["unix_ms"], answer["advanced_ms"], answer["frozen"])

    @property
    def time(self) -> datetime:
        """The moment with its time zone, UTC."""
        return datetime.fromtimestamp(self.unix_ms / 1000, tz=timezone.utc)


def milliseconds(span: Span) -> int:
    """A span in whole milliseconds, rounded up: what is due after it is due then.

    Raises:
        ValueError: it is negative or not finite; time does not go back.
    """
    if isinstance(span, timedelta):
        whole, rest = divmod(span, timedelta(milliseconds=1))
        ms = whole + (1 if rest else 0)
    else:
        if not math.isfinite(span):
            raise ValueError(f"a clock cannot be advanced by {span!r} s")
        # A float of 0.3 s is a little less or more than 300 ms, and neither is meant.
        ms = math.ceil(round(span * 1000, 6))
    if ms < 0:
        raise ValueError(f"a clock does not go back: {span!r}")
    return ms
