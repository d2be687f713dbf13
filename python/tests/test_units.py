"""Spans of time, lines of configuration, where the program is looked for."""

from __future__ import annotations

import ast
import os
import sys
from datetime import timedelta
from pathlib import Path

import pytest

import haremq
from haremq import BrokerError, find_binary
from haremq._clock import milliseconds
from haremq._settings import config_text, parse_config


@pytest.mark.parametrize(
    ("span", "ms"),
    [
        (0, 0),
        (1, 1000),
        (0.3, 300),
        (0.1 + 0.2, 300),
        (0.0001, 1),
        (timedelta(minutes=30), 1_800_000),
        (timedelta(microseconds=1), 1),
        (timedelta(days=3650), 315_360_000_000),
    ],
)
def test_a_span_is_whole_milliseconds_rounded_up(span: float | timedelta, ms: int) -> None:
    assert milliseconds(span) == ms


@pytest.mark.parametrize("span", [-1, -0.1, timedelta(seconds=-1), float("nan"), float("inf")])
def test_a_clock_does_not_go_back_or_nowhere(span: float | timedelta) -> None:
    with pytest.raises(ValueError, match="a clock"):
        milliseconds(span)


def test_a_configuration_goes_through_text_and_back() -> None:
    config = {"heartbeat": 30, "log.console": False, "default_user": "a = b"}
    assert config_text(config) == "heartbeat = 30\nlog.console = false\ndefault_user = a = b\n"
    assert parse_config(config_text(config).splitlines()) == {
        "heartbeat": "30",
        "log.console": "false",
        "default_user": "a = b",
    }


def test_a_line_break_does_not_smuggle_in_a_second_key() -> None:
    with pytest.raises(ValueError, match="one line per key"):
        config_text({"default_user": "a\ndefault_pass = b"})


@pytest.mark.parametrize("line", ["heartbeat", "= 30"])
def test_a_line_that_is_no_setting_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="key = value"):
        parse_config(["", "# a comment", line])


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Nothing is found in this world but what a test puts there."""
    monkeypatch.delenv("HAREMQ_BIN", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python" / "python"))
    monkeypatch.setattr("sysconfig.get_path", lambda *_: str(tmp_path / "scripts"))
    monkeypatch.setattr("haremq._binary.__file__", str(tmp_path / "t" / "haremq" / "x.py"))
    return tmp_path


def program(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "haremq"
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_the_program_of_the_package_goes_before_that_of_the_path(elsewhere: Path) -> None:
    in_path = program(elsewhere / "path")
    assert find_binary() == in_path
    beside = program(elsewhere / "python")
    assert find_binary() == beside
    script = program(elsewhere / "scripts")
    assert find_binary() == script


def test_a_program_that_somebody_names_goes_before_all(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(elsewhere / "scripts")
    other = program(elsewhere / "other")
    monkeypatch.setenv("HAREMQ_BIN", str(other))
    assert find_binary() == other
    assert find_binary(program(elsewhere / "third")) == elsewhere / "third" / "haremq"


def test_a_named_program_that_is_not_there_is_no_reason_to_take_another(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(elsewhere / "scripts")
    monkeypatch.setenv("HAREMQ_BIN", str(elsewhere / "none"))
    with pytest.raises(BrokerError, match="HAREMQ_BIN"):
        find_binary()
    with pytest.raises(BrokerError, match="given path"):
        find_binary(elsewhere / "neither")


def test_a_missing_program_names_every_place(elsewhere: Path) -> None:
    with pytest.raises(BrokerError) as missing:
        find_binary()
    for place in ("scripts", "python", "PATH", "HAREMQ_BIN"):
        assert place in str(missing.value), place
    assert os.fspath(elsewhere) in str(missing.value)


def test_the_package_needs_nothing_but_the_standard_library() -> None:
    sources = Path(haremq.__file__).parent.glob("*.py")
    imported = {
        (path.name, name.partition(".")[0])
        for path in sources
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        for name in imported_names(node)
    }
    assert len(imported) > 20
    foreign = {(file, name) for file, name in imported if name not in sys.stdlib_module_names}
    # The plugin is imported by pytest.
    assert foreign == {("pytest_plugin.py", "pytest")}


def imported_names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
        return [node.module]
    return []
