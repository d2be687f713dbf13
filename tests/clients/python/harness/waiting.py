"""Guarded waiting: every wait is for an event and ends with an error when the event stays away."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from pika.adapters.blocking_connection import BlockingConnection

GUARD_SECONDS = 10.0
# pika does not wake up for everything that can happen, so it is asked again at short intervals.
SLICE_SECONDS = 0.01


@contextmanager
def guard(seconds: float) -> Iterator[None]:
    """Fails the test when its body takes longer; reaches into blocking calls of the client too."""

    def expired(_signal: int, _frame: object) -> None:
        # pytest's own failure is no `Exception`, so no client library can swallow it.
        pytest.fail(f"still waiting after the guard of {seconds:g} s")

    before = signal.signal(signal.SIGALRM, expired)
    # It goes off again and again: what the failed test leaves behind may hang in its turn.
    signal.setitimer(signal.ITIMER_REAL, seconds, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def pump_until(
    connection: BlockingConnection,
    reached: Callable[[], object],
    what: str,
    seconds: float = GUARD_SECONDS,
) -> None:
    """Lets the connection work until `reached()` is true; `what` names the awaited event."""
    deadline = time.monotonic() + seconds
    while not reached():
        left = deadline - time.monotonic()
        if left <= 0:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        connection.process_data_events(time_limit=min(left, SLICE_SECONDS))
