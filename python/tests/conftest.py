"""A fake management API, and programs that stand in for the broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fake import FakeApi, fake_api

pytest_plugins = ["pytester"]

Program = Callable[[str], Path]


@pytest.fixture
def api() -> Iterator[FakeApi]:
    with fake_api() as fake:
        yield fake


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Writes a shell script that can be started in the broker's place."""

    def write(script: str) -> Path:
        path = tmp_path / "haremq-stand-in"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
        return path

    return write
