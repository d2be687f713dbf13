"""Lesson 6, sender: queue names are UTF-8, so a shop may name its queue in its own language.

Sends one order to the queue 订单 ("orders"), or many to 批量订单 ("bulk orders").
"""

from __future__ import annotations

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("--bulk", type=int, metavar="COUNT", help="send this many to 批量订单")
    chosen = parser.parse_args()
    queue = f"{'批量订单' if chosen.bulk else '订单'}{chosen.suffix}"
    count = chosen.bulk or 1
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        for number in range(1, count + 1):
            body = f"订单 {number}：一壶茶".encode()
            channel.basic_publish(exchange="", routing_key=queue, body=body)
    say("ordered:", count)


if __name__ == "__main__":
    main()
