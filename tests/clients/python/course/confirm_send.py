"""Lesson 9: a publisher that knows what became of each message.

In confirm mode the broker acknowledges every message that it has taken over, and pika waits for
that. A mandatory message that fits no queue comes back instead of vanishing.
"""

from __future__ import annotations

import pika

from shared import connect, options, say


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("count", type=int, help="how many messages for the queue that exists")
    chosen = parser.parse_args()
    queue, nowhere = f"confirmed{chosen.suffix}", f"nowhere{chosen.suffix}"
    with connect(chosen) as connection:
        channel = connection.channel()
        channel.queue_declare(queue)
        channel.confirm_delivery()
        for number in range(1, chosen.count + 1):
            body = f"message {number}".encode()
            channel.basic_publish(exchange="", routing_key=queue, body=body, mandatory=True)
            say("confirmed:", number)
        try:
            channel.basic_publish("", nowhere, b"is anybody there?", mandatory=True)
        except pika.exceptions.UnroutableError as error:
            for returned in error.messages:
                say("returned:", returned.method.reply_code, returned.method.reply_text)


if __name__ == "__main__":
    main()
