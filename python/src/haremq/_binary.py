"""Finds the program: the one of this package, unless somebody names another."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Union

from ._errors import BrokerError

StrPath = Union[str, "os.PathLike[str]"]
NAME = "haremq.exe" if os.name == "nt" else "haremq"


def find_binary(given: StrPath | None = None) -> Path:
    """The broker's program.

    The first that is there of: `given`, the variable `HAREMQ_BIN`, the folder of scripts of this
    interpreter, where `pip install` puts it, the folder of the interpreter, and `PATH`.

    Raises:
        BrokerError: no program; names every place that was looked at.
    """
    named = given or os.environ.get("HAREMQ_BIN")
    if named:
        # Somebody asked for this one: another would be a surprise.
        path = Path(named)
        if not path.is_file():
            who = "the given path" if given else "the variable HAREMQ_BIN"
            raise BrokerError(f"no broker at {path}, which {who} names")
        return path.resolve()
    looked_at = list(_folders())
    for folder in looked_at:
        if (folder / NAME).is_file():
            return folder / NAME
    in_path = shutil.which(NAME)
    if in_path:
        return Path(in_path)
    places = ", ".join(str(folder) for folder in looked_at)
    raise BrokerError(
        f"no program {NAME} in {places} or PATH; `pip install` puts it there, "
        "or set HAREMQ_BIN to its path"
    )


def _folders() -> Iterator[Path]:
    seen = set()
    user = "nt_user" if os.name == "nt" else "posix_user"
    for folder in (
        sysconfig.get_path("scripts"),
        os.path.dirname(sys.executable),
        sysconfig.get_path("scripts", user),
        # `pip install --target`
        str(Path(__file__).resolve().parents[1] / "bin"),
    ):
        if folder and folder not in seen:
            seen.add(folder)
            yield Path(folder)
