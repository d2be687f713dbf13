"""Lesson 4, listener: hears only the severities it asked for.

A direct exchange compares the routing key with the key of each binding, octet by octet. One queue
may have many bindings: here one for every severity.
"""

from __future__ import annotations

from pika.adapters.blocking_connection import BlockingChannel
from pika.spec import Basic, BasicProperties

from shared import connect, consume_until_told, options, say, text


def show(
    _channel: BlockingChannel, how: Basic.Deliver, _about: BasicProperties, body: bytes
) -> None:
    say("heard:", how.routing_key, text(body))


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("severities", nargs="+", help="for example warning error")
    chosen = parser.parse_args()
    exchange = f"reports{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, exchange_type="direct")
        queue = channel.queue_declare("", exclusive=True).method.queue
        for severity in chosen.severities:
            channel.queue_bind(queue, exchange, routing_key=severity)
        channel.basic_consume(queue, show, auto_ack=True)
        consume_until_told(connection, channel)


if __name__ == "__main__":
    main()
