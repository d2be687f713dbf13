"""Lesson 10: all or nothing.

On a transactional channel publishes and acks wait for the commit. A rollback makes them undone; the
messages that were delivered stay with the channel and can be acked again.
"""

from __future__ import annotations

from shared import connect, options, say, text


def main() -> None:
    chosen = options(__doc__).parse_args()
    queue = f"ledger{chosen.suffix}"
    with connect(chosen) as connection:
        # A second channel looks at the queue from outside, as another program would see it.
        channel, onlooker = connection.channel(), connection.channel()
        channel.queue_declare(queue)

        def waiting() -> int:
            return onlooker.queue_declare(queue, passive=True).method.message_count

        channel.tx_select()
        channel.basic_publish("", queue, b"a booking in error")
        channel.tx_rollback()
        say("after rollback:", waiting())

        for booking in (b"debit 5", b"credit 5"):
            channel.basic_publish("", queue, booking)
        say("before commit:", waiting())
        channel.tx_commit()

        how, _about, body = channel.basic_get(queue)
        say("after commit:", 1 + how.message_count)
        channel.basic_ack(how.delivery_tag)
        channel.tx_rollback()
        channel.basic_ack(how.delivery_tag)
        channel.tx_commit()
        say("booked:", text(body))
        say("left:", waiting())


if __name__ == "__main__":
    main()
