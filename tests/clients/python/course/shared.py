"""What every program of the course does in the same way: options, connection, printing, ending."""

from __future__ import annotations

import argparse
import signal
import sys

import pika
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection


def options(description: str) -> argparse.ArgumentParser:
    """A parser with the options that all programs know."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--host", default="127.0.0.1", help="where the broker runs")
    parser.add_argument("--port", type=int, default=5672, help="the broker's AMQP port")
    # With a suffix many runs can share one broker: none sees the queues of another.
    parser.add_argument("--suffix", default="", help="put behind every queue and exchange name")
    return parser


def connect(chosen: argparse.Namespace) -> BlockingConnection:
    """Opens the connection; as a context manager it closes by itself at the end of the block."""
    return pika.BlockingConnection(pika.ConnectionParameters(chosen.host, chosen.port))


def say(*words: object) -> None:
    """Prints one line at once, so that whoever reads along sees it in time."""
    print(*words, flush=True)


def consume_until_told(connection: BlockingConnection, channel: BlockingChannel) -> None:
    """Consumes until Ctrl-C or SIGTERM, then lets the program close its connection in order."""

    def stop(_signal: int, _frame: object) -> None:
        # The signal may arrive in the middle of pika's work. Asking pika to stop when it is next
        # idle keeps the connection usable for an orderly goodbye.
        connection.add_callback_threadsafe(channel.stop_consuming)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    say("ready")
    channel.start_consuming()


def text(body: bytes) -> str:
    """The message body as text; all programs of the course speak UTF-8."""
    return body.decode("utf-8")


if __name__ == "__main__":
    sys.exit("this file only holds what the programs of the course share")
