"""Where `rabbitmqadmin` is, the Python tool that comes with RabbitMQ's server. It is not ours to keep, so it
is taken from a RabbitMQ of this machine, or out of Debian's package, which is not installed for that."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

PACKAGE = "rabbitmq-server"
# In the virtual environment, with which it is made anew.
CACHED = Path(__file__).resolve().parents[2] / ".venv" / "rabbitmqadmin.py"


class NotToBeHad(Exception):
    """There is no rabbitmqadmin here, and none could be fetched."""


def find() -> Path:
    """The tool, fetched when it is not there.

    `RABBITMQADMIN` names one that is to be taken.
    """
    given = os.environ.get("RABBITMQADMIN")
    if given:
        return Path(given)
    candidates = [CACHED, *Path("/usr/lib/rabbitmq").glob("lib/*/plugins/*/priv/www/cli/rabbitmqadmin")]
    on_path = shutil.which("rabbitmqadmin")
    if on_path:
        candidates.append(Path(on_path))
    for candidate in candidates:
        if is_the_python_tool(candidate):
            return candidate
    return fetch()


def is_the_python_tool(path: Path) -> bool:
    """The newer tool of the same name is a binary."""
    try:
        return "optparse" in path.read_text()
    except (OSError, UnicodeDecodeError):
        return False


def fetch() -> Path:
    """Takes the tool out of the package, without installing or running anything of it."""
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise NotToBeHad(
            f"this machine has neither {PACKAGE} nor apt-get to fetch it with: set RABBITMQADMIN to the tool"
        )
    with tempfile.TemporaryDirectory(prefix="haremq-rabbitmqadmin-") as folder:
        # Who fetches as root hands over to a user of apt's own, who must be able to write here.
        Path(folder).chmod(0o777)
        for command in (["apt-get", "-qq", "download", PACKAGE], None):
            if command is None:
                packages = list(Path(folder).glob("*.deb"))
                if not packages:
                    raise NotToBeHad(f"apt-get gave no {PACKAGE}")
                command = ["dpkg-deb", "-x", str(packages[0]), folder]
            done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
            if done.returncode != 0:
                raise NotToBeHad(f"{' '.join(command)}: {done.stderr.strip()}")
        for found in Path(folder).rglob("rabbitmqadmin"):
            if is_the_python_tool(found):
                CACHED.parent.mkdir(exist_ok=True)
                shutil.copyfile(found, CACHED)
                return CACHED
    raise NotToBeHad(f"there is no rabbitmqadmin in the package {PACKAGE}")


def command(tool: Path, port: int, *options: str) -> list[str]:
    """The start of a line of the tool."""
    return [sys.executable, str(tool), "-H", "127.0.0.1", "-P", str(port), *options]
