#!/usr/bin/env python3
"""Measures HareMQ beside the brokers that are installed here, with `haremq perf` as the load.

    python3 benches/side_by_side [--quick] [--only TEXT] [--write] [BINARY]

Each row runs on every broker in turn, three rounds; shown are medians, and what HareMQ is to the others.
A broker that waits for its turn is stopped (SIGSTOP), so that it takes nothing from the one that is
measured. RabbitMQ is Debian's package, LavinMQ what `lavinmq` on the PATH is; one that is not there is
said. Each has its own ports on 127.0.0.1 and its own folder below --dir, which is removed at the end.

--write puts the tables between the two markers of docs/performance.md.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

# A run leaves no byte code behind in the checkout.
sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from brokers import Broker, BrokerError, HareMQ, LavinMQ, RabbitMQ  # noqa: E402
from document import put_into, tables  # noqa: E402
from measure import Bench, measure  # noqa: E402
from rows import Settings, sections  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]


def main() -> int:
    options = arguments()
    binary = Path(options.binary).resolve()
    if not os.access(binary, os.X_OK):
        print(f"side_by_side: {binary} is no program: build it with cargo build --release", file=sys.stderr)
        return 1
    settings = Settings(seconds=1 if options.quick else 5, rounds=1 if options.quick else 3, quick=options.quick)
    Path(options.dir).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="side-by-side-", dir=options.dir))
    brokers: list[Broker] = []
    missing: list[str] = []
    for kind in (HareMQ, RabbitMQ, LavinMQ):
        found = kind.find(binary)
        if found is None:
            missing.append(kind.name)
            print(f"side_by_side: {kind.name} is not installed here and is left out", file=sys.stderr)
        else:
            brokers.append(kind(found, folder / kind.name.lower()))
    bench = Bench(binary, folder, brokers)
    try:
        results = measure(bench, sections(settings), settings, options.only)
    except (BrokerError, KeyboardInterrupt) as error:
        print(f"side_by_side: {error or 'interrupted'}", file=sys.stderr)
        return 1
    finally:
        for broker in brokers:
            broker.stop()
        shutil.rmtree(folder, ignore_errors=True)
    text = tables(results, brokers, missing, settings)
    print(text)
    if options.write:
        put_into(ROOT / "docs" / "performance.md", text)
    return 1 if any(measured.failures for result in results for measured in result.rows) else 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="side_by_side", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release" / "haremq"
    parser.add_argument("binary", nargs="?", default=default, help=f"the program [default: {default}]")
    parser.add_argument("--quick", action="store_true", help="one round of a second per row, to see that it works")
    parser.add_argument("--only", metavar="TEXT", default="", help="only rows whose name contains this")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md")
    parser.add_argument(
        "--dir", default=ROOT / "target", help="where the brokers keep their data; its disk is measured too"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
