"""Lesson 6, receiver: takes orders until it has the number it was told to take."""

from __future__ import annotations

from shared import connect, options, say, text


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--bulk", type=int, metavar="COUNT", help="take this many from 批量订单")
    chosen = parser.parse_args()
    queue = f"{'批量订单' if chosen.bulk else '订单'}{chosen.suffix}"
    left = chosen.bulk or 1
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        # consume() is the loop form of basic_consume: the messages come one after the other.
        for how, _about, body in channel.consume(queue):
            say("order:", text(body))
            channel.basic_ack(how.delivery_tag)
            left -= 1
            if left == 0:
                break
        # Hands messages that were fetched ahead back to the queue.
        channel.cancel()


if __name__ == "__main__":
    main()
