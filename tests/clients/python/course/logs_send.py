"""Lesson 3, sender: publishes log lines to everybody who listens right now.

A fanout exchange copies each message to every queue bound to it and does not look at the routing
key. Without a listener the line is simply gone, like a broadcast without an audience.
"""

from __future__ import annotations

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("lines", nargs="+", help="each becomes one message")
    chosen = parser.parse_args()
    exchange = f"logs{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, exchange_type="fanout")
        for line in chosen.lines:
            channel.basic_publish(exchange, routing_key="", body=line.encode())
            say("logged:", line)


if __name__ == "__main__":
    main()
