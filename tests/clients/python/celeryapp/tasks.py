"""The tasks. Each one only shows something that a test can see in its result."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

# By name, with the options that each is registered with.
TASKS: dict[str, dict[str, Any]] = {
    "add": {},
    "total": {},
    "fail": {},
    "now": {},
    "retry_until": {"bind": True, "max_retries": 5},
    "back_off": {
        "bind": True,
        "autoretry_for": (ConnectionError,),
        "retry_backoff": True,
        "retry_backoff_max": 1,
        "retry_jitter": False,
    },
    "hold": {"bind": True, "acks_late": True},
    "crash_once": {"bind": True, "acks_late": True, "reject_on_worker_lost": True},
    "shouted": {"bind": True},
    "add_inside": {"bind": True},
}


def add(x: int, y: int) -> int:
    """The task of every introduction."""
    return x + y


def total(numbers: list[int]) -> int:
    """What a chord calls with the results of its parts."""
    return sum(numbers)


def fail(text: str) -> None:
    """An error that the caller gets."""
    raise ValueError(text)


def now() -> float:
    """When it ran."""
    return time.time()


def retry_until(self: Any, attempts: int, countdown: float) -> int:
    """Succeeds at an attempt; says which one it was."""
    if self.request.retries + 1 < attempts:
        raise self.retry(countdown=countdown)
    return self.request.retries + 1


def back_off(self: Any, attempts: int) -> int:
    """The same with Celery's own decision to retry."""
    if self.request.retries + 1 < attempts:
        raise ConnectionError("not yet")
    return self.request.retries + 1


def hold(self: Any, started: str, released: str) -> dict[str, Any]:
    """Says in a file that it runs, and goes on when another file is there."""
    Path(started).touch()
    while not Path(released).exists():
        time.sleep(0.01)
    return seen(self)


def crash_once(self: Any) -> dict[str, Any]:
    """Takes its whole process along, unless it was delivered before."""
    if not self.request.delivery_info["redelivered"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return seen(self)


def shouted(self: Any, text: str) -> dict[str, Any]:
    """What the message looked like."""
    return seen(self) | {"text": text.upper(), "priority": self.request.delivery_info["priority"]}


def add_inside(self: Any, x: int, y: int) -> int:
    """Goes on as another task whose result is its own; left alone, Celery answers to the worker."""
    other = self.app.signature("add", args=(x, y))
    raise self.replace(other.set(reply_to=self.request.reply_to))


def seen(self: Any) -> dict[str, Any]:
    """By whom, and whether for the first time."""
    return {
        "worker": self.request.hostname,
        "redelivered": self.request.delivery_info["redelivered"],
    }
