"""Starts Celery workers and the `celery` command line as processes of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from celeryapp.application import Settings

SUITE = Path(__file__).resolve().parents[1]
# A worker imports Celery, connects, and listens for its neighbours for a second.
START_SECONDS = 30.0


class Worker:
    """One worker process whose whole output is read."""

    def __init__(self, settings: Settings, name: str, *arguments: str) -> None:
        self.node = f"{name}@{settings.suffix}"
        self.output: list[str] = []
        self._ended = False
        self._arrived = threading.Condition()
        options = ["worker", f"--hostname={self.node}", "--loglevel=INFO", *arguments]
        self._child = subprocess.Popen(
            celery(*options),
            cwd=SUITE,
            env=environment(settings),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            with self._arrived:
                self.output.append(line)
                self._arrived.notify_all()
        self._child.stdout.close()
        with self._arrived:
            self._ended = True
            self._arrived.notify_all()

    def expect(self, text: str, seconds: float = START_SECONDS) -> None:
        """Waits until the worker has said `text`."""
        self._wait(lambda: self._ended or self.said(text), repr(text), seconds)
        assert self.said(text), f"{self.node} ended without {text!r}:\n{''.join(self.output)}"

    def expect_ready(self) -> Worker:
        """Waits until it consumes."""
        self.expect(f"{self.node} ready.")
        return self

    def said(self, text: str) -> bool:
        """Whether it has said `text` so far."""
        return any(text in line for line in self.output)

    def kill(self) -> None:
        """What a machine that goes away does: nothing is closed, nothing is said."""
        os.killpg(self._child.pid, signal.SIGKILL)
        self._child.wait()

    def ask_to_stop(self) -> None:
        """Begins a warm shutdown."""
        self._child.send_signal(signal.SIGTERM)

    def expect_stopped(self) -> None:
        """Its success is part of what is tested."""
        code = self._child.wait(timeout=START_SECONDS)
        assert code == 0, f"{self.node} ended with code {code}:\n{''.join(self.output)}"

    def end(self) -> None:
        """Ends it and its children whatever they do; used only to tidy up."""
        if self._child.poll() is None:
            self.kill()
        self._reader.join(timeout=START_SECONDS)

    def _wait(self, reached: Callable[[], bool], what: str, seconds: float) -> None:
        with self._arrived:
            if not self._arrived.wait_for(reached, timeout=seconds):
                pytest.fail(f"{self.node}: waited in vain for {what}:\n{''.join(self.output)}")


def run_celery(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the command line to its end."""
    return subprocess.run(
        celery(*arguments),
        cwd=SUITE,
        env=environment(settings),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=START_SECONDS,
        check=False,
    )


def celery(*arguments: str) -> list[str]:
    """The command line of Celery, in the Python that runs the tests."""
    return [sys.executable, "-m", "celery", "-A", "celeryapp.worker", *arguments]


def environment(settings: Settings) -> dict[str, str]:
    """A worker runs as root in containers, and Celery only warns of it."""
    return {**os.environ, **settings.environment(), "PYTHONUNBUFFERED": "1"}
