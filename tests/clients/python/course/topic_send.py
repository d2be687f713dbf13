"""Lesson 5, sender: describes each sighting by a key of words with dots between them."""

from __future__ import annotations

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("keys", nargs="+", help="for example meadow.brown.hare")
    chosen = parser.parse_args()
    exchange = f"sightings{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.exchange_declare(exchange, exchange_type="topic")
        for key in chosen.keys:
            channel.basic_publish(exchange, routing_key=key, body=f"seen {key}".encode())
            say("published:", key)


if __name__ == "__main__":
    main()
