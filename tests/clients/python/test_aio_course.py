"""The course once more with aio-pika: one event loop, many consumers, acks by context manager."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import aio_pika
import pytest
from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
    AbstractQueue,
)
from aio_pika.exceptions import ChannelPreconditionFailed, PublishError, QueueEmpty
from pamqp.commands import Basic

from harness.broker import Broker
from harness.names import Names
from harness.waiting import GUARD_SECONDS

Scene = Callable[[AbstractConnection], Awaitable[None]]
Play = Callable[[Scene], None]


@pytest.fixture
def play(broker: Broker) -> Play:
    """Runs a scene on an event loop of its own, with a connection that is closed afterwards."""

    def run(scene: Scene) -> None:
        async def with_connection() -> None:
            async with await connect(broker) as connection:
                await scene(connection)

        asyncio.run(asyncio.wait_for(with_connection(), GUARD_SECONDS))

    return run


async def connect(broker: Broker) -> AbstractConnection:
    return await aio_pika.connect(host=broker.host, port=broker.port)


async def send(channel: AbstractChannel, key: str, body: str, exchange: str = "") -> None:
    source = await channel.get_exchange(exchange) if exchange else channel.default_exchange
    await source.publish(Message(body.encode()), key, mandatory=False)


async def take(queue: AbstractQueue, count: int) -> list[str]:
    """The next messages of the queue, each acked as it comes."""
    bodies: list[str] = []
    async with queue.iterator() as messages:
        async for message in messages:
            async with message.process():
                bodies.append(message.body.decode())
            if len(bodies) == count:
                break
    return bodies


async def listener(
    channel: AbstractChannel, exchange: AbstractExchange, *keys: str
) -> AbstractQueue:
    """A queue named by the server that hears what goes to the exchange under these keys."""
    queue = await channel.declare_queue("", exclusive=True)
    assert queue.name.startswith("amq.gen-")
    for key in keys:
        await queue.bind(exchange, key)
    return queue


def test_plain_queue_keeps_the_order(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        queue = await channel.declare_queue(names.queue())
        for number in range(50):
            await send(channel, queue.name, f"greeting {number}")
        assert await take(queue, 50) == [f"greeting {number}" for number in range(50)]
        with pytest.raises(QueueEmpty):
            await queue.get()

    play(scene)


def test_tasks_go_to_the_worker_that_is_free(play: Play, names: Names) -> None:
    total = 12

    async def scene(connection: AbstractConnection) -> None:
        sender = await connection.channel()
        queue = await sender.declare_queue(names.queue(), durable=True)
        fast_is_done = asyncio.Event()
        all_done = asyncio.Event()
        done: dict[str, list[str]] = {"fast": [], "slow": []}

        async def hire(name: str) -> None:
            channel = await connection.channel()
            await channel.set_qos(prefetch_count=1)
            theirs = await channel.get_queue(queue.name)

            async def work(message: AbstractIncomingMessage) -> None:
                async with message.process():
                    # The slow worker is as slow as can be: one task for all the others.
                    if name == "slow":
                        await fast_is_done.wait()
                    done[name].append(message.body.decode())
                if len(done["fast"]) == total - 1:
                    fast_is_done.set()
                if sum(map(len, done.values())) == total:
                    all_done.set()

            await theirs.consume(work)

        await hire("slow")
        await hire("fast")
        for number in range(total):
            task = Message(f"task {number}".encode(), delivery_mode=DeliveryMode.PERSISTENT)
            await sender.default_exchange.publish(task, queue.name)
        await all_done.wait()
        assert (len(done["slow"]), len(done["fast"])) == (1, total - 1)
        assert sorted(done["slow"] + done["fast"]) == sorted(f"task {n}" for n in range(total))

    play(scene)


def test_logs_reach_every_listener(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        logs = await channel.declare_exchange(names.exchange("logs"), ExchangeType.FANOUT)
        queues = [await listener(channel, logs, "") for _ in range(2)]
        for line in ("disk is filling", "disk is full"):
            await send(channel, "", line, logs.name)
        heard = await asyncio.gather(*(take(queue, 2) for queue in queues))
        assert heard == [["disk is filling", "disk is full"]] * 2

    play(scene)


def test_direct_exchange_chooses_by_severity(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        reports = await channel.declare_exchange(names.exchange(), ExchangeType.DIRECT)
        everything = await listener(channel, reports, "info", "error")
        alarms = await listener(channel, reports, "error")
        for severity in ("info", "debug", "error"):
            await send(channel, severity, severity, reports.name)
        assert await take(everything, 2) == ["info", "error"]
        assert await take(alarms, 1) == ["error"]

    play(scene)


def test_topic_exchange_chooses_by_pattern(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        sightings = await channel.declare_exchange(names.exchange(), ExchangeType.TOPIC)
        brown = await listener(channel, sightings, "*.brown.*", "end")
        hares = await listener(channel, sightings, "#.hare", "end")
        for key in ("meadow.brown.hare", "wood.brown.owl", "hare", "brown", "end"):
            await send(channel, key, key, sightings.name)
        assert await take(brown, 3) == ["meadow.brown.hare", "wood.brown.owl", "end"]
        assert await take(hares, 3) == ["meadow.brown.hare", "hare", "end"]

    play(scene)


def test_chinese_keys_carry_orders(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        # This client allows no queue name beyond ASCII, so the Chinese words are routing keys.
        shop = await channel.declare_exchange(names.exchange("shop"), ExchangeType.DIRECT)
        single = await listener(channel, shop, "订单")
        bulk = await listener(channel, shop, "批量订单")
        await shop.publish(Message("一壶茶".encode()), "订单")
        # All thousand at once: the confirms come back while later ones still go out.
        orders = [Message(f"订单 {n}".encode()) for n in range(1000)]
        await asyncio.gather(*(shop.publish(order, "批量订单") for order in orders))
        assert await take(single, 1) == ["一壶茶"]
        assert await take(bulk, 1000) == [f"订单 {n}" for n in range(1000)]

    play(scene)


def test_unacked_message_of_a_lost_connection_is_redelivered(
    play: Play, names: Names, broker: Broker
) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        queue = await channel.declare_queue(names.queue(), durable=True)
        await send(channel, queue.name, "fragile")
        clumsy = await connect(broker)
        theirs = await (await clumsy.channel()).get_queue(queue.name)
        message = await first_of(theirs)
        assert not message.redelivered
        await clumsy.close()
        again = await first_of(queue)
        assert (again.body, again.redelivered) == (b"fragile", True)
        await again.ack()

    play(scene)


async def first_of(queue: AbstractQueue) -> AbstractIncomingMessage:
    """The next message, which is neither acked nor handed back."""
    came: asyncio.Future[AbstractIncomingMessage] = asyncio.get_running_loop().create_future()

    async def keep(message: AbstractIncomingMessage) -> None:
        if not came.done():
            came.set_result(message)

    await queue.consume(keep)
    return await came


def test_failure_in_a_handler_hands_the_message_back(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        queue = await channel.declare_queue(names.queue())
        await send(channel, queue.name, "try twice")
        message = await queue.get()
        with pytest.raises(ZeroDivisionError):
            async with message.process(requeue=True):
                raise ZeroDivisionError
        again = await queue.get()
        assert again.redelivered
        await again.ack()

    play(scene)


def test_rpc_answers_meet_their_questions(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        questions = await channel.declare_queue(names.queue("questions"))
        answers = await channel.declare_queue("", exclusive=True)
        found: dict[str, str] = {}
        all_found = asyncio.Event()

        async def answer(question: AbstractIncomingMessage) -> None:
            async with question.process():
                assert question.reply_to is not None
                square = int(question.body) ** 2
                reply = Message(b"%d" % square, correlation_id=question.correlation_id)
                await channel.default_exchange.publish(reply, question.reply_to)

        async def collect(reply: AbstractIncomingMessage) -> None:
            found[str(reply.correlation_id)] = reply.body.decode()
            if len(found) == 10:
                all_found.set()

        await questions.consume(answer)
        await answers.consume(collect, no_ack=True)
        for number in range(10):
            question = Message(
                b"%d" % number, reply_to=answers.name, correlation_id=f"question-{number}"
            )
            await channel.default_exchange.publish(question, questions.name)
        await all_found.wait()
        assert found == {f"question-{number}": str(number**2) for number in range(10)}

    play(scene)


def test_confirms_and_returns(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        queue = await channel.declare_queue(names.queue())
        await channel.default_exchange.publish(Message(b"there"), queue.name)
        with pytest.raises(PublishError) as unroutable:
            await channel.default_exchange.publish(Message(b"back"), names.queue("missing"))
        assert unroutable.value.message is not None
        assert unroutable.value.message.body == b"back"
        delivery = unroutable.value.message.delivery
        assert isinstance(delivery, Basic.Return)
        assert delivery.reply_code == 312

    play(scene)


def test_transaction_is_all_or_nothing(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        onlooker = await connection.channel()
        queue = await onlooker.declare_queue(names.queue())
        channel = await connection.channel(publisher_confirms=False)
        with pytest.raises(ZeroDivisionError):
            async with channel.transaction():
                await send(channel, queue.name, "void")
                raise ZeroDivisionError
        assert await queue.get(fail=False) is None
        async with channel.transaction():
            await send(channel, queue.name, "valid")
            assert await queue.get(fail=False) is None
        assert await take(queue, 1) == ["valid"]

    play(scene)


def test_refusal_closes_the_channel_and_spares_the_connection(play: Play, names: Names) -> None:
    async def scene(connection: AbstractConnection) -> None:
        channel = await connection.channel()
        name = names.queue()
        await channel.declare_queue(name, arguments={"x-max-length": 1})
        with pytest.raises(ChannelPreconditionFailed, match="inequivalent arg 'x-max-length'"):
            await channel.declare_queue(name, arguments={"x-max-length": 2})
        assert channel.is_closed
        other = await connection.channel()
        queue = await other.declare_queue(name, passive=True)
        assert queue.declaration_result.message_count == 0

    play(scene)


def test_robust_connection_works(broker: Broker, names: Names) -> None:
    async def scene() -> None:
        connection = await aio_pika.connect_robust(host=broker.host, port=broker.port)
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(names.queue())
            await send(channel, queue.name, "robust")
            assert await take(queue, 1) == ["robust"]

    asyncio.run(asyncio.wait_for(scene(), GUARD_SECONDS))
