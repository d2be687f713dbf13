#!/usr/bin/env python3
"""Attacks a real broker while a well-behaved neighbour works beside it, and measures what that does.

    python3 benches/hostile [--quick] [--only TEXT] [--runs N] [--write] [BINARY]

For each attack a fresh broker with a data folder, and a neighbour: 200 messages a second, published with confirms on
one connection and consumed on another. Its latencies, from when a message was due to be published until it was
delivered, are taken before, during and after the attack; the broker's resident memory is looked at twenty times
a second, and how long it takes until only the neighbour's connections are left. As if both sat elsewhere, attacker
and neighbour share one processor, the attacker has it when nobody else wants it (SCHED_IDLE), and the neighbour
before all others where the system allows that.

The attacks are run in turn, --runs times, and of each latency the median counts: a moment in which the machine
does something else does not make a row.

--write puts the table into docs/reliability-hostile.md. --quick only tries.
"""

from __future__ import annotations

import argparse
import base64
import json
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from array import array
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parent))

from attacks import ATTACKS, Attack, Target  # noqa: E402
from document import Row, middle, table, write  # noqa: E402
from neighbour import share, sit_aside, work  # noqa: E402

ROOT = Path(__file__).resolve().parents[2]
WATERMARK_MIB = 1024
DESCRIPTORS = 65_536


class Broker:
    def __init__(self, binary: Path, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        lines = [f"vm_memory_high_watermark.absolute = {WATERMARK_MIB}MiB", "listeners.ssl.default = 0"]
        lines += [f"ssl_options.{key} = {folder.parent / name}" for key, name in (("certfile", "cert.pem"), ("keyfile", "key.pem"))]
        (folder / "haremq.conf").write_text("\n".join(lines) + "\n")
        ports = folder / "ports.json"
        self.log = folder / "output.log"
        command = [str(binary), "--config", str(folder / "haremq.conf"), "--bind", "127.0.0.1", "--port", "0"]
        command += ["--management-port", "0", "--data-dir", str(folder / "data"), "--ports-file", str(ports), "--log-level", "error"]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, "HAREMQ_CONFIG_FOLDER": "/nowhere"},
            stdout=self.log.open("wb"),
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        end = time.monotonic() + 60
        while not ports.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise SystemExit(f"hostile: the broker does not start: {self.log.read_text()}")
            time.sleep(0.05)
        self.ports: dict[str, object] = json.loads(ports.read_text())

    def port(self, *names: str) -> int:
        for name in names:
            if name in self.ports:
                value = self.ports[name]
                return int(value[0] if isinstance(value, list) else str(value).rsplit(":", 1)[-1])
        raise SystemExit(f"hostile: no port {names} in {self.ports}")

    def resident_mib(self) -> float:
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0

    def connections(self) -> int:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port('http', 'management')}/api/overview")
        request.add_header("authorization", "Basic " + base64.b64encode(b"guest:guest").decode())
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return int(json.load(answer)["object_totals"]["connections"])
        except OSError:
            return -1

    def stop(self) -> str:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(60)
        text = self.log.read_text(errors="replace")
        return "" if code == 0 and "panicked" not in text else f"exit code {code}: {text[-2000:]}"


def attack_aside(attack: Attack, target: Target, told: multiprocessing.connection.Connection) -> None:
    sit_aside()
    if attack.yields:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    try:
        told.send(attack.run(target))
    except Exception as error:  # Whatever goes wrong is a line of the table.
        told.send(f"FAILED: {type(error).__name__}: {error}")


def measure(binary: Path, folder: Path, attack: Attack, seconds: float, divisor: int) -> Row:
    broker = Broker(binary, folder)
    target = Target(broker.port("amqp"), broker.port("http", "management"), broker.port("amqp/ssl", "amqps", "tls"), seconds, divisor)
    ours, theirs = multiprocessing.Pipe()
    neighbour = multiprocessing.Process(target=work, args=(target.amqp, theirs))
    neighbour.start()
    ours.recv()
    time.sleep(1)
    idle = broker.resident_mib()
    begin = time.monotonic()
    time.sleep(seconds)
    attacked = time.monotonic()
    told, telling = multiprocessing.Pipe()
    attacker = multiprocessing.Process(target=attack_aside, args=(attack, target, telling))
    attacker.start()
    peak = idle
    while attacker.is_alive():
        peak = max(peak, broker.resident_mib())
        time.sleep(0.05)
    over = time.monotonic()
    answer = told.recv()
    while broker.connections() != 2 and time.monotonic() - over < 90:
        peak = max(peak, broker.resident_mib())
        time.sleep(0.05)
    recovered = time.monotonic()
    time.sleep(1)
    settled = time.monotonic()
    time.sleep(seconds)
    end = time.monotonic()
    left = broker.resident_mib()
    ours.send("stop")
    sent_bytes, took_bytes, _, error = ours.recv()
    neighbour.join()
    sent, took = array("d"), array("d")
    sent.frombytes(sent_bytes)
    took.frombytes(took_bytes)
    failure = error or broker.stop()
    shares = (share(sent, took, begin, attacked), share(sent, took, attacked, recovered), share(sent, took, settled, end - 0.5))
    return Row(attack.name, attack.bounds, answer, shares, (idle, peak, left), recovered - over, failure)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="hostile", description="Attacks a broker and measures its neighbour.")
    parser.add_argument("binary", nargs="?", default=str(ROOT / "target/release/haremq"))
    parser.add_argument("--quick", action="store_true", help="a twentieth of the numbers, and a second each")
    parser.add_argument("--only", default="", help="attacks whose name contains this")
    parser.add_argument("--runs", type=int, default=3, help="how often each attack is run; the table has the medians")
    parser.add_argument("--write", action="store_true", help="write docs/reliability-hostile.md")
    parser.add_argument("--seconds", type=float, default=4)
    return parser.parse_args()


def main() -> int:
    options = arguments()
    binary = Path(options.binary).resolve()
    if not os.access(binary, os.X_OK):
        print(f"hostile: {binary} is no program: build it with cargo build --release", file=sys.stderr)
        return 1
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for limit in (DESCRIPTORS, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, max(limit, hard)))
            break
        except (OSError, ValueError):
            continue
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost"]
        + ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"), "-days", "2"],
        check=True,
        capture_output=True,
    )
    attacks = [attack for attack in ATTACKS if options.only in attack.name]
    seconds, divisor = (1, 20) if options.quick else (options.seconds, 1)
    runs: list[list[Row]] = [[] for _ in attacks]
    try:
        for number in range(1 if options.quick else options.runs):
            for attack, found in zip(attacks, runs, strict=True):
                found.append(measure(binary, folder / "broker", attack, seconds, divisor))
                print(table(found[-1:], heading=number == 0 and found is runs[0]), flush=True)
                shutil.rmtree(folder / "broker", ignore_errors=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    rows = [middle(found) for found in runs]
    if options.write:
        write(ROOT / "docs/reliability-hostile.md", rows, options.runs, descriptors, WATERMARK_MIB)
    failed = [row.attack for row in rows if row.failure or row.told.startswith("FAILED")]
    for name in failed:
        print(f"hostile: {name}: the neighbour, the broker or the attack failed", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
