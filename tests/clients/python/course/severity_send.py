"""Lesson 4, sender: marks each report with its severity, which is the routing key."""

from __future__ import annotations

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument(
        "reports", nargs="+", metavar="SEVERITY=TEXT", help="for example error=fire"
    )
    chosen = parser.parse_args()
    exchange = f"reports{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, exchange_type="direct")
        for report in chosen.reports:
            severity, _, line = report.partition("=")
            channel.basic_publish(exchange, routing_key=severity, body=line.encode())
            say("reported:", severity, line)


if __name__ == "__main__":
    main()
