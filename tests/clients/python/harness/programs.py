"""Runs the programs of the course as processes of their own and follows what they print."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.waiting import GUARD_SECONDS

COURSE = Path(__file__).resolve().parents[1] / "course"


class Program:
    """One running program; `output` grows with every line it prints."""

    def __init__(self, name: str, arguments: list[str], arrived: threading.Condition) -> None:
        self.name = name
        self.output: list[str] = []
        self.ended = False
        self._arrived = arrived
        self._child = subprocess.Popen(
            [sys.executable, str(COURSE / f"{name}.py"), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            env={**os.environ, "PYTHONIOENCODING": "utf-8", "PYTHONUNBUFFERED": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            with self._arrived:
                self.output.append(line.rstrip("\n"))
                self._arrived.notify_all()
        self._child.stdout.close()
        with self._arrived:
            self.ended = True
            self._arrived.notify_all()

    def lines(self, start: str) -> list[str]:
        """What followed `start` in every line so far that begins with it."""
        return [line[len(start) :].strip() for line in self.output if line.startswith(start)]

    def expect(self, start: str, count: int = 1) -> list[str]:
        """Waits until `count` lines begin with `start` and returns what followed it in each."""
        self._wait(lambda: self.ended or len(self.lines(start)) >= count, f"{count} × {start!r}")
        found = self.lines(start)
        assert len(found) >= count, f"{self.name} ended without {start!r}: {self.output}"
        return found

    def finish(self, code: int = 0) -> list[str]:
        """Waits for the end, checks the exit code and returns all lines."""
        self._wait(lambda: self.ended, "its end")
        assert self._child.wait(timeout=GUARD_SECONDS) == code, self.output
        return self.output

    def interrupt(self) -> None:
        """What Ctrl-C does: the program closes its connection and ends with code 0."""
        self._child.terminate()
        self.finish()

    def end(self) -> None:
        """Ends the program whatever it does; used only to tidy up."""
        if self._child.poll() is None:
            self._child.kill()
        self._child.wait()
        self._reader.join(timeout=GUARD_SECONDS)

    def _wait(self, reached: Callable[[], bool], what: str) -> None:
        with self._arrived:
            if not self._arrived.wait_for(reached, timeout=GUARD_SECONDS):
                pytest.fail(f"{self.name}: waited in vain for {what}; it printed {self.output}")


class Programs:
    """Starts programs against the broker under test, with names that belong to one test."""

    def __init__(self, port: int, suffix: str) -> None:
        self._settings = ["--port", str(port), f"--suffix=-{suffix}"]
        self._arrived = threading.Condition()
        self._started: list[Program] = []

    def start(self, name: str, *arguments: str) -> Program:
        """Starts a program and returns at once."""
        program = Program(name, [*self._settings, *arguments], self._arrived)
        self._started.append(program)
        return program

    def run(self, name: str, *arguments: str, code: int = 0) -> list[str]:
        """Runs a program to its end and returns its lines."""
        return self.start(name, *arguments).finish(code)

    def expect_together(self, programs: list[Program], start: str, total: int) -> None:
        """Waits until the programs have printed `total` lines that begin with `start`."""

        def together() -> int:
            return sum(len(program.lines(start)) for program in programs)

        with self._arrived:
            if not self._arrived.wait_for(lambda: together() >= total, timeout=GUARD_SECONDS):
                pytest.fail(f"{together()} of {total} {start!r}: {[p.output for p in programs]}")

    def end_all(self) -> None:
        """Ends every program that still runs."""
        for program in self._started:
            program.end()
