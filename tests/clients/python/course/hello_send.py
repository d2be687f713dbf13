"""Lesson 1, sender: puts greetings into a queue.

A publisher needs no consumer to be there. The default exchange, whose name is empty, takes the
routing key for the name of a queue, so nothing has to be bound.
"""

from __future__ import annotations

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("greetings", nargs="+", help="each becomes one message")
    chosen = parser.parse_args()
    queue = f"greetings{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        # Declaring is safe to repeat, so both sides do it and either may start first.
        channel.queue_declare(queue)
        for greeting in chosen.greetings:
            channel.basic_publish(exchange="", routing_key=queue, body=greeting.encode())
            say("sent:", greeting)


if __name__ == "__main__":
    main()
