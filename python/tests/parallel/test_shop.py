"""Ten tests of a shop with twenty orders each; every one of them declares the same queues.

pytest -n auto
"""

from __future__ import annotations

from collections.abc import Iterator

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from pika.exceptions import ChannelClosedByBroker, NackError, UnroutableError

from haremq import Vhost

pytestmark = pytest.mark.parametrize("order", range(20))


@pytest.fixture
def channel(haremq_vhost: Vhost) -> Iterator[BlockingChannel]:
    with pika.BlockingConnection(pika.URLParameters(haremq_vhost.uri)) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        yield channel


def test_an_order_waits(channel: BlockingChannel, order: int) -> None:
    assert channel.queue_declare("orders").method.message_count == 0
    for _ in range(order):
        channel.basic_publish("", "orders", b"order")
    assert channel.queue_declare("orders", passive=True).method.message_count == order


def test_an_order_comes_once(channel: BlockingChannel, order: int) -> None:
    channel.queue_declare("orders")
    channel.basic_publish("", "orders", str(order).encode())
    assert channel.basic_get("orders", auto_ack=True)[2] == str(order).encode()
    assert channel.basic_get("orders")[0] is None


def test_an_order_that_failed_comes_again(channel: BlockingChannel, order: int) -> None:
    channel.queue_declare("orders")
    channel.basic_publish("", "orders", str(order).encode())
    method = channel.basic_get("orders")[0]
    channel.basic_nack(method.delivery_tag)
    again, _, body = channel.basic_get("orders")
    assert again.redelivered
    assert body == str(order).encode()


def test_a_bad_order_goes_to_the_dead_letters(channel: BlockingChannel, order: int) -> None:
    channel.queue_declare("dead")
    dead = {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "dead"}
    channel.queue_declare("orders", arguments=dead)
    channel.basic_publish("", "orders", str(order).encode())
    channel.basic_reject(channel.basic_get("orders")[0].delivery_tag, requeue=False)
    for _, properties, body in channel.consume("dead", auto_ack=True, inactivity_timeout=10):
        assert body == str(order).encode()
        assert properties.headers["x-death"][0]["reason"] == "rejected"
        break
    channel.cancel()


def test_orders_are_told_to_everybody(channel: BlockingChannel, order: int) -> None:
    channel.exchange_declare("shop", "fanout")
    queues = [f"listener-{number}" for number in range(order % 5 + 1)]
    for queue in queues:
        channel.queue_declare(queue)
        channel.queue_bind(queue, "shop")
    channel.basic_publish("shop", "", b"order")
    assert [channel.basic_get(queue)[2] for queue in queues] == [b"order"] * len(queues)


def test_orders_go_by_their_topic(channel: BlockingChannel, order: int) -> None:
    channel.exchange_declare("shop", "topic")
    channel.queue_declare("large")
    channel.queue_bind("large", "shop", "order.large.#")
    channel.basic_publish("shop", f"order.{'large' if order % 2 else 'small'}.{order}", b"order")
    assert channel.queue_declare("large", passive=True).method.message_count == order % 2


def test_an_order_for_nobody_comes_back(channel: BlockingChannel, order: int) -> None:
    with pytest.raises(UnroutableError):
        channel.basic_publish("", f"nobody-{order}", b"order", mandatory=True)


def test_a_full_queue_takes_no_more(channel: BlockingChannel, order: int) -> None:
    full = {"x-max-length": order + 1, "x-overflow": "reject-publish"}
    channel.queue_declare("orders", arguments=full)
    for _ in range(order + 1):
        channel.basic_publish("", "orders", b"order")
    with pytest.raises(NackError):
        channel.basic_publish("", "orders", b"order")


def test_a_queue_of_other_arguments_is_refused(channel: BlockingChannel, order: int) -> None:
    channel.queue_declare("orders", arguments={"x-max-length": order + 1})
    with pytest.raises(ChannelClosedByBroker, match="PRECONDITION_FAILED"):
        channel.queue_declare("orders", arguments={"x-max-length": order + 2})


def test_the_whole_shop_can_be_seen(
    channel: BlockingChannel, haremq_vhost: Vhost, order: int
) -> None:
    for number in range(order):
        channel.queue_declare(f"orders-{number}")
    assert len(haremq_vhost.contents().queues) == order
