"""What a broker of a test is started with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Union

from ._binary import StrPath

Config = Mapping[str, object]
Definitions = Union[StrPath, Mapping[str, Any]]


def config_text(config: Config) -> str:
    """Lines of a configuration file.

    Raises:
        ValueError: a key or value would be more than one line.
    """
    lines = []
    for key, value in config.items():
        text = str(value).lower() if isinstance(value, bool) else str(value)
        line = f"{key} = {text}"
        if "\n" in line or "\r" in line:
            raise ValueError(f"one line per key of the configuration: {line!r}")
        lines.append(line + "\n")
    return "".join(lines)


def parse_config(lines: Sequence[str]) -> dict[str, str]:
    """The other way round, for the lines of a pytest.ini.

    Raises:
        ValueError: a line without `=`.
    """
    config = {}
    for line in lines:
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        key, sign, value = text.partition("=")
        if not sign or not key.strip():
            raise ValueError(f"a line of the configuration is key = value: {line!r}")
        config[key.strip()] = value.strip()
    return config


def command(
    binary: Path,
    folder: Path,
    *,
    config: Config,
    definitions: Definitions | None,
    data_dir: StrPath | None,
    host: str,
    port: int,
    management_port: int,
    log_level: str,
    args: Sequence[str],
) -> list[str]:
    """The command line, after what it names was written into the folder."""
    settings = dict(config)
    if definitions is not None:
        settings.setdefault("load_definitions", str(_definitions_file(definitions, folder)))
    config_file = folder / "haremq.conf"
    config_file.write_text(config_text(settings), encoding="utf-8")
    kept = ["--ephemeral"] if data_dir is None else ["--data-dir", str(Path(data_dir).resolve())]
    return [
        str(binary),
        *kept,
        *("--bind", host),
        *("--port", str(port)),
        *("--management-port", str(management_port)),
        *("--ports-file", str(folder / "ports")),
        *("--config", str(config_file)),
        *("--log-level", log_level),
        "--test-api",
        # This very process: a broker that looks for its parent late could find another one.
        f"--exit-with-parent={os.getpid()}",
        *args,
    ]


def _definitions_file(definitions: Definitions, folder: Path) -> Path:
    if isinstance(definitions, Mapping):
        path = folder / "definitions.json"
        path.write_text(json.dumps(definitions), encoding="utf-8")
        return path
    return Path(definitions).resolve()
