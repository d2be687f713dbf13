"""`python -m haremq` is the program itself, for where the folder of scripts is not in PATH."""

from __future__ import annotations

import os
import subprocess
import sys

from ._binary import find_binary
from ._errors import BrokerError


def main() -> int:
    """Puts the program in the place of this process, with the same arguments."""
    try:
        binary = str(find_binary())
    except BrokerError as error:
        print(f"haremq: {error}", file=sys.stderr)
        return 1
    command = [binary, *sys.argv[1:]]
    if os.name == "posix":
        os.execv(binary, command)  # noqa: S606 - the program of this package
    return subprocess.run(command, check=False).returncode  # noqa: S603 - the same


if __name__ == "__main__":
    sys.exit(main())
