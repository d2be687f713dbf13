"""One broker as a child of this process: started, awaited, ended.

Its log goes to a file and its ready line through a pipe, so no thread of ours lives beside the
tests: a test may fork. Whoever forks has a copy of the object and must not end the broker with it,
so the process id of the maker is kept.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ._errors import BrokerError

STARTED = "Server startup complete"
STOP_SECONDS = 10.0
ENDING_SECONDS = 0.5
LAST_LINES = 20
# Settings of the machine's own broker, or of the shell, are none of the test's.
FOREIGN_PREFIXES = ("HAREMQ_", "RABBITMQ_")


class Process:
    """A broker's process with its folder: log, configuration, and the file of its ports."""

    def __init__(self, folder: Path) -> None:
        """Takes over a folder, which is gone with the process."""
        self.folder = folder
        self.log_path = folder / "log"
        self.pid = 0
        self.code: int | None = None
        self.ready_line = ""
        self._child: subprocess.Popen[bytes] | None = None
        self._end: weakref.finalize[..., Process] | None = None

    @classmethod
    def make_folder(cls) -> Path:
        """A fresh folder for one process."""
        return Path(tempfile.mkdtemp(prefix="haremq-"))

    def start(
        self, command: Sequence[str], variables: Mapping[str, str], timeout_seconds: float
    ) -> None:
        """Starts it and returns when every listener is bound.

        Raises:
            BrokerError: it ended or was not ready in time; it is gone then, and so is its folder.
        """
        environment = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(FOREIGN_PREFIXES)
        }
        try:
            with self.log_path.open("wb") as log:
                self._child = subprocess.Popen(  # noqa: S603 - the broker, and no shell
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    env={**environment, **variables},
                    # Ctrl-C is for the tests: they clean up, and then the broker is ended.
                    start_new_session=True,
                )
        except OSError as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise BrokerError(f"cannot run {command[0]}: {error}") from error
        self.pid = self._child.pid
        self._end = weakref.finalize(self, _end, self._child, self.folder, os.getpid())
        fault = self._await_ready(self._child, timeout_seconds)
        if fault:
            failed = self.failed(fault)
            self._end()
            raise failed

    def _await_ready(self, child: subprocess.Popen[bytes], timeout_seconds: float) -> str:
        """Reads the standard output up to the ready line; what went wrong, or nothing."""
        assert child.stdout is not None
        expired = threading.Event()

        def give_up() -> None:
            expired.set()
            child.kill()

        # The end of the process ends the reading, so the timer is all that is needed.
        timer = threading.Timer(timeout_seconds, give_up)
        timer.daemon = True
        timer.start()
        try:
            for line in child.stdout:
                self.ready_line = line.decode(errors="replace").strip()
                if STARTED in self.ready_line:
                    return ""
            self.code = child.wait()
        finally:
            timer.cancel()
            timer.join()
        if expired.is_set():
            return f"the broker was not ready within {timeout_seconds:g} s"
        return f"the broker did not start: it {_ended(self.code)}"

    def is_running(self) -> bool:
        """Whether it has not ended; asked of this process's own child."""
        return self._child is not None and self._child.poll() is None

    def stop(self) -> None:
        """Ends it in order; nothing if that was done before, or in a fork of its maker.

        Raises:
            BrokerError: it had ended by itself, took too long, or ended with a code that is not 0.
        """
        if self._end is None or not self._end.alive or os.getpid() != self._maker():
            return
        child = self._child
        assert child is not None
        fault = ""
        if child.poll() is not None:
            fault = f"the broker {_ended(child.returncode)} before it was stopped"
        else:
            child.terminate()
            try:
                if child.wait(timeout=STOP_SECONDS) != 0:
                    fault = f"the broker was stopped and {_ended(child.returncode)}"
            except subprocess.TimeoutExpired:
                fault = f"the broker did not end within {STOP_SECONDS:g} s after SIGTERM"
        error = self.failed(fault) if fault else None
        self._end()
        self.code = child.returncode
        if error:
            raise error

    def _maker(self) -> int:
        peeked = self._end.peek() if self._end else None
        return peeked[2][2] if peeked else 0

    def failed(self, fault: str) -> BrokerError:
        """An error with the last lines of the log behind it."""
        return BrokerError(with_last_lines(fault, self.log_path))

    def ended(self) -> str:
        """How it ended by itself, or nothing while it runs or after a stop."""
        child = self._child
        if child is None or self._end is None or not self._end.alive:
            return ""
        try:
            # Its port is closed a moment before it is gone.
            return f"the broker {_ended(child.wait(timeout=ENDING_SECONDS))}"
        except subprocess.TimeoutExpired:
            return ""


@dataclass
class Fate:
    """What can be learnt of a broker that does not answer.

    Requests hold it and not the broker, so that a broker which nobody holds is ended at once.
    """

    process: Process | None
    log_path: Path | None

    def explain(self, error: BrokerError) -> BrokerError:
        """An error of a request, with what became of the broker."""
        fault = self.process.ended() if self.process else ""
        text = f"{error}; {fault}" if fault else str(error)
        return BrokerError(with_last_lines(text, self.log_path) if self.log_path else text)

    def log(self) -> str:
        """What it logged so far, where that is known."""
        return read_log(self.log_path) if self.log_path else ""


def read_log(path: Path) -> str:
    """What the broker logged so far; nothing when its folder is gone."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def with_last_lines(fault: str, log_path: Path) -> str:
    """The fault, and what the broker logged last."""
    lines = read_log(log_path).splitlines()[-LAST_LINES:]
    if not lines:
        return f"{fault}; it logged nothing"
    return "\n  ".join([f"{fault}; its last lines:", *lines])


def _ended(code: int | None) -> str:
    if code is not None and code < 0:
        with contextlib.suppress(ValueError):
            return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _end(child: subprocess.Popen[bytes], folder: Path, maker: int) -> None:
    """What must not be left behind: the process, and its folder."""
    if os.getpid() != maker:
        return
    if child.poll() is None:
        child.kill()
        child.wait()
    if child.stdout is not None:
        child.stdout.close()
    shutil.rmtree(folder, ignore_errors=True)
