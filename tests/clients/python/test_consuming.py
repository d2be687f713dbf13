"""Consumers and settling: order, prefetch, requeue, cancel, confirms, returns, transactions."""

from __future__ import annotations

from typing import Any

import pika
import pytest
from pika import spec
from pika.adapters.blocking_connection import BlockingChannel, BlockingConnection

from harness.names import Names
from harness.waiting import pump_until


class Inbox:
    """A consumer that keeps what it gets and settles nothing by itself."""

    def __init__(self, channel: BlockingChannel, queue: str, **settings: Any) -> None:
        self.channel = channel
        self.queue = queue
        self.deliveries: list[tuple[spec.Basic.Deliver, pika.BasicProperties, bytes]] = []
        self.tag = channel.basic_consume(queue, self._keep, **settings)

    def _keep(self, _channel: Any, how: Any, about: Any, body: bytes) -> None:
        self.deliveries.append((how, about, body))

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.deliveries]

    def wait(self, count: int) -> None:
        """Waits until so many messages have come."""
        pump_until(
            self.channel.connection, lambda: len(self.deliveries) >= count, f"{count} deliveries"
        )

    def settle_down(self) -> list[bytes]:
        """Everything the broker had sent before it answered a question on the same channel."""
        self.channel.queue_declare(self.queue, passive=True)
        self.channel.connection.process_data_events(0)
        return self.bodies

    def ack(self, position: int, multiple: bool = False) -> None:
        self.channel.basic_ack(self.deliveries[position][0].delivery_tag, multiple)


@pytest.fixture
def queue(channel: BlockingChannel, names: Names) -> str:
    name = names.queue()
    channel.queue_declare(name)
    return name


def fill(channel: BlockingChannel, queue: str, count: int) -> None:
    for number in range(count):
        channel.basic_publish("", queue, b"%d" % number)


def numbers(count: int, start: int = 0) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def test_deliveries_carry_their_circumstances(channel: BlockingChannel, queue: str) -> None:
    inbox = Inbox(channel, queue, consumer_tag="warren")
    fill(channel, queue, 2)
    inbox.wait(2)
    seen = [
        (how.consumer_tag, how.delivery_tag, how.redelivered, how.exchange, how.routing_key)
        for how, _, _ in inbox.deliveries
    ]
    assert seen == [("warren", 1, False, "", queue), ("warren", 2, False, "", queue)]


def test_server_makes_up_a_consumer_tag(connection: BlockingConnection, queue: str) -> None:
    channel = connection.channel()
    tags: list[str] = []
    connection._impl.callbacks.add(
        channel.channel_number,
        spec.Basic.ConsumeOk,
        lambda frame: tags.append(frame.method.consumer_tag),
    )
    # pika invents a tag on the client's side, so the empty one goes out by hand.
    channel._impl._send_method(spec.Basic.Consume(queue=queue, consumer_tag=""))
    pump_until(connection, lambda: tags, "the consume-ok")
    assert tags[0].startswith("amq.ctag-")
    assert len(tags[0]) == len("amq.ctag-") + 22


def test_prefetch_holds_back_until_an_ack(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 5)
    channel.basic_qos(prefetch_count=2)
    inbox = Inbox(channel, queue)
    inbox.wait(2)
    assert inbox.settle_down() == numbers(2)
    inbox.ack(0)
    inbox.wait(3)
    assert inbox.settle_down() == numbers(3)
    inbox.ack(2, multiple=True)
    inbox.wait(5)
    assert inbox.bodies == numbers(5)


def test_prefetch_counts_for_each_consumer(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 10)
    channel.basic_qos(prefetch_count=2)
    one, two = Inbox(channel, queue), Inbox(channel, queue)
    one.wait(2)
    two.wait(2)
    assert len(one.settle_down()) == len(two.settle_down()) == 2
    # A consumer keeps the prefetch under which it was made.
    channel.basic_qos(prefetch_count=3)
    three = Inbox(channel, queue)
    three.wait(3)
    assert [len(inbox.settle_down()) for inbox in (one, two, three)] == [2, 2, 3]


def test_global_prefetch_counts_for_the_channel(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 10)
    channel.basic_qos(prefetch_count=3, global_qos=True)
    inboxes = [Inbox(channel, queue), Inbox(channel, queue)]

    def total() -> int:
        return sum(len(inbox.settle_down()) for inbox in inboxes)

    pump_until(channel.connection, lambda: total() >= 3, "three deliveries")
    assert total() == 3
    first = next(inbox for inbox in inboxes if inbox.deliveries)
    first.ack(0)
    pump_until(channel.connection, lambda: total() >= 4, "one more delivery")
    assert total() == 4


def test_prefetch_zero_has_no_limit(channel: BlockingChannel, queue: str) -> None:
    channel.basic_qos(prefetch_count=1)
    channel.basic_qos(prefetch_count=0)
    fill(channel, queue, 300)
    inbox = Inbox(channel, queue)
    inbox.wait(300)
    assert inbox.bodies == numbers(300)


def test_consumers_take_turns(channel: BlockingChannel, queue: str) -> None:
    inboxes = [Inbox(channel, queue, auto_ack=True) for _ in range(3)]
    fill(channel, queue, 9)
    for inbox in inboxes:
        inbox.wait(3)
    assert sorted(body for inbox in inboxes for body in inbox.bodies) == numbers(9)


def test_no_ack_deliveries_are_gone_at_once(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 3)
    inbox = Inbox(channel, queue, auto_ack=True)
    inbox.wait(3)
    channel.close()
    again = channel.connection.channel()
    assert again.basic_get(queue) == (None, None, None)


@pytest.mark.parametrize("settle", ["nack", "reject", "close", "cancel"])
def test_requeue_goes_to_the_old_place(
    channel: BlockingChannel, queue: str, connection: BlockingConnection, settle: str
) -> None:
    fill(channel, queue, 4)
    side = connection.channel()
    side.basic_qos(prefetch_count=2)
    inbox = Inbox(side, queue)
    inbox.wait(2)
    side.basic_cancel(inbox.tag)
    tags = [how.delivery_tag for how, _, _ in inbox.deliveries]
    if settle == "nack":
        side.basic_nack(tags[1], multiple=True)
    elif settle == "reject":
        for tag in reversed(tags):
            side.basic_reject(tag)
    elif settle == "close":
        side.close()
    else:
        # Cancelling a consumer settles nothing; acks after it still count.
        side.basic_ack(tags[1], multiple=True)
    if side.is_open:
        # An answer on the channel means that what was sent before has been dealt with.
        side.queue_declare(queue, passive=True)
    expected = numbers(4) if settle != "cancel" else numbers(2, start=2)
    found = []
    while (method := (got := channel.basic_get(queue, auto_ack=True))[0]) is not None:
        found.append((got[2], method.redelivered))
    assert found == [(body, body in numbers(2)) for body in expected]


def test_nack_of_many_spares_later_ones(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 5)
    tags = [channel.basic_get(queue)[0].delivery_tag for _ in range(5)]
    channel.basic_nack(tags[2], multiple=True, requeue=False)
    channel.basic_nack(0, multiple=True, requeue=True)
    left = [channel.basic_get(queue, auto_ack=True)[2] for _ in range(3)]
    assert left == [*numbers(2, start=3), None]


def test_ack_of_zero_and_multiple_means_all(channel: BlockingChannel, queue: str) -> None:
    # With nothing to settle it is no error.
    channel.basic_ack(0, multiple=True)
    fill(channel, queue, 3)
    for _ in range(3):
        channel.basic_get(queue)
    channel.basic_ack(0, multiple=True)
    channel.close()
    assert channel.connection.channel().basic_get(queue) == (None, None, None)


def test_reject_without_requeue_drops(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 2)
    channel.basic_reject(channel.basic_get(queue)[0].delivery_tag, requeue=False)
    assert channel.basic_get(queue)[2] == b"1"


def test_recover_requeues_everything_unacked(channel: BlockingChannel, queue: str) -> None:
    fill(channel, queue, 3)
    inbox = Inbox(channel, queue)
    inbox.wait(3)
    inbox.ack(1)
    channel.basic_recover(requeue=True)
    inbox.wait(5)
    again = inbox.deliveries[3:]
    assert [(body, how.redelivered) for how, _, body in again] == [(b"0", True), (b"2", True)]
    assert [how.delivery_tag for how, _, _ in again] == [4, 5]


def test_exclusive_consumer_leaves_the_queue_free_again(
    connection: BlockingConnection, channel: BlockingChannel, queue: str
) -> None:
    alone = Inbox(connection.channel(), queue, exclusive=True)
    alone.channel.basic_cancel(alone.tag)
    fill(channel, queue, 1)
    inbox = Inbox(channel, queue)
    inbox.wait(1)
    assert alone.bodies == []


def test_consumer_is_told_when_its_queue_goes(
    connection: BlockingConnection, channel: BlockingChannel, queue: str
) -> None:
    watcher = connection.channel()
    cancelled: list[str] = []
    watcher.add_on_cancel_callback(lambda frame: cancelled.append(frame.method.consumer_tag))
    inboxes = [Inbox(watcher, queue), Inbox(watcher, queue)]
    channel.queue_delete(queue)
    pump_until(connection, lambda: len(cancelled) == 2, "two basic.cancel")
    assert sorted(cancelled) == sorted(inbox.tag for inbox in inboxes)
    assert watcher.is_open
    assert watcher.consumer_tags == []


def test_cancelled_tag_can_be_used_again(channel: BlockingChannel, queue: str) -> None:
    first = Inbox(channel, queue, consumer_tag="hare")
    channel.basic_cancel("hare")
    second = Inbox(channel, queue, consumer_tag="hare")
    fill(channel, queue, 1)
    second.wait(1)
    assert first.bodies == []


def test_confirm_comes_after_the_return(channel: BlockingChannel, names: Names) -> None:
    order: list[tuple[str, Any]] = []
    impl = channel._impl
    impl.add_on_return_callback(
        lambda _ch, method, _props, body: order.append(("return", (method.reply_text, body)))
    )
    channel._impl.confirm_delivery(
        ack_nack_callback=lambda frame: order.append(("confirm", frame.method.delivery_tag)),
        callback=lambda _frame: order.append(("select-ok", None)),
    )
    connection = channel.connection
    pump_until(connection, lambda: order, "the select-ok")
    impl.basic_publish("", names.queue("missing"), b"back", mandatory=True)
    pump_until(connection, lambda: len(order) >= 3, "return and confirm")
    assert order == [("select-ok", None), ("return", ("NO_ROUTE", b"back")), ("confirm", 1)]


def test_returned_message_is_whole(channel: BlockingChannel, names: Names) -> None:
    exchange = names.exchange()
    channel.exchange_declare(exchange, "direct")
    channel.confirm_delivery()
    about = pika.BasicProperties(headers={"a": [1]}, message_id="m", delivery_mode=2)
    with pytest.raises(pika.exceptions.UnroutableError) as unroutable:
        channel.basic_publish(exchange, "no.way", b"x" * 200_000, about, mandatory=True)
    (returned,) = unroutable.value.messages
    method = returned.method
    assert (method.reply_code, method.reply_text) == (312, "NO_ROUTE")
    assert (method.exchange, method.routing_key) == (exchange, "no.way")
    assert (returned.properties, returned.body) == (about, b"x" * 200_000)


def test_mandatory_without_confirms_is_returned_too(channel: BlockingChannel, names: Names) -> None:
    returned: list[bytes] = []
    channel.add_on_return_callback(lambda _ch, _method, _props, body: returned.append(body))
    channel.basic_publish("", names.queue("missing"), b"quietly dropped")
    channel.basic_publish("", names.queue("missing"), b"returned", mandatory=True)
    pump_until(channel.connection, lambda: returned, "the returned message")
    assert returned == [b"returned"]


def test_confirms_count_from_one_and_cover_all(
    connection: BlockingConnection, channel: BlockingChannel, queue: str
) -> None:
    confirmed: set[int] = set()
    highest = 0

    def confirm(frame: Any) -> None:
        nonlocal highest
        assert isinstance(frame.method, spec.Basic.Ack)
        tag = frame.method.delivery_tag
        confirmed.update(range(highest + 1, tag + 1) if frame.method.multiple else [tag])
        highest = max(highest, tag) if frame.method.multiple else highest

    ready: list[bool] = []
    channel._impl.confirm_delivery(confirm, callback=lambda _frame: ready.append(True))
    pump_until(connection, lambda: ready, "the select-ok")
    for number in range(500):
        # Every third finds no queue, which is confirmed all the same.
        key = queue if number % 3 else f"{queue}-missing"
        about = pika.BasicProperties(delivery_mode=1 + number % 2)
        channel._impl.basic_publish("", key, b"x", about)
    pump_until(connection, lambda: len(confirmed) == 500, "all confirms")
    assert confirmed == set(range(1, 501))


def test_confirm_select_twice_keeps_counting(channel: BlockingChannel, queue: str) -> None:
    channel.confirm_delivery()
    channel.basic_publish("", queue, b"one")
    channel._impl._send_method(spec.Confirm.Select(nowait=True))
    channel.basic_publish("", queue, b"two")
    assert [channel.basic_get(queue)[2] for _ in range(2)] == [b"one", b"two"]


def test_transaction_hides_publishes_and_acks_until_commit(
    connection: BlockingConnection, channel: BlockingChannel, queue: str
) -> None:
    onlooker = connection.channel()
    channel.tx_select()
    fill(channel, queue, 3)
    assert onlooker.basic_get(queue) == (None, None, None)
    channel.tx_commit()
    method, _, _ = channel.basic_get(queue)
    assert method.message_count == 2
    channel.basic_ack(method.delivery_tag)
    channel.basic_publish("", queue, b"never")
    channel.close()
    # Neither the ack nor the publish was committed, so both are void.
    assert [onlooker.basic_get(queue, auto_ack=True)[2] for _ in range(4)] == [*numbers(3), None]


def test_return_comes_with_the_commit(channel: BlockingChannel, names: Names) -> None:
    returned: list[bytes] = []
    channel.add_on_return_callback(lambda _ch, _method, _props, body: returned.append(body))
    channel.tx_select()
    channel.basic_publish("", names.queue("missing"), b"back", mandatory=True)
    channel.tx_commit()
    channel.connection.process_data_events(0)
    assert returned == [b"back"]
