"""Looks into queues and routes: what waits, what is held, where a message would go, why something does not move."""

from __future__ import annotations

from collections.abc import Iterator

import pika
import pytest

from broker import Broker, running
from conftest import Enter


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running() as one:
        connection = one.connect("slow")
        channel = connection.channel()
        channel.exchange_declare("front", "direct")
        channel.exchange_declare("shop", "topic")
        channel.exchange_bind("shop", "front", "in")
        for queue, key in (("orders", "order.#"), ("audit", "#"), ("mail", "mail.*")):
            channel.queue_declare(queue, durable=True)
            channel.queue_bind(queue, "shop", key)
        for number in range(45):
            properties = pika.BasicProperties(headers={"country": "de" if number % 15 == 0 else "fr"}, delivery_mode=2)
            channel.basic_publish("", "orders", f"order number {number}", properties)
        channel.basic_qos(prefetch_count=3)
        channel.basic_consume("orders", lambda *_: None, consumer_tag="sleeper")
        connection.process_data_events(0.3)
        yield one
        connection.close()


def test_waiting_messages_are_looked_at_and_stay(enter: Enter, broker: Broker) -> None:
    page = enter("#/queues/%2F/orders")
    form = "form[aria-label='Look at waiting messages']"
    page.click("Look", form)
    page.until("twenty", lambda: page.count("[aria-label=Messages] article") == 20)
    page.sees("order number 3")
    assert "redelivered" not in page.run("() => document.querySelector('[aria-label=Messages]').innerText")
    page.click("Go on")
    page.until("forty", lambda: page.count("[aria-label=Messages] article") == 40)
    page.click("Go on")
    page.until("all", lambda: page.count("[aria-label=Messages] article") == 42)
    page.fill("Header", "country=de", form)
    page.click("Look", form)
    page.until("two of them", lambda: page.count("[aria-label=Messages] article") == 2)
    page.fill("Header", "", form)
    page.fill("Text in the body", "number 44", form)
    page.click("Look", form)
    page.until("one of them", lambda: page.count("[aria-label=Messages] article") == 1)
    page.fill("Text in the body", "nowhere", form)
    page.click("Look", form)
    page.sees("No waiting message is like that.")
    state = broker.api("GET", "queues", "/", "orders")
    assert (state["messages_ready"], state["messages_unacknowledged"]) == (42, 3)


def test_who_holds_messages_and_why_the_queue_stands(enter: Enter) -> None:
    page = enter("#/queues/%2F/orders")
    page.sees("Why?")
    page.sees("holds 3 of 3 unacknowledged messages")
    page.sees("What helps: Acknowledge what was delivered")
    page.sees("prefetch is full")
    page.run("() => { document.querySelector('section[aria-label=Unacknowledged] details').open = true; }")
    page.sees("order number 0")


def test_a_route_is_explained(enter: Enter) -> None:
    page = enter("#/exchanges/%2F/front")
    form = "form[aria-label='Explain a route']"
    page.fill("Routing key", "in", form)
    page.click("Explain", form)
    page.sees("It would reach 1 queue.")
    way = page.run("() => document.querySelector('.way').innerText.replace(/\\s+/g, ' ')")
    assert way == "front by in → shop by # → audit"
    page.sees("Why not the others (2)")
    page.sees("the pattern wants 'order'")
    page.fill("Routing key", "elsewhere", form)
    page.click("Explain", form)
    page.sees("It would reach no queue")


def test_messages_are_moved(enter: Enter, broker: Broker) -> None:
    page = enter("#/queues/%2F/orders")
    page.click("Move messages")
    form = "form[aria-label='Move messages']"
    page.fill("Queue", "mail", form)
    page.fill("Only with this header", "country=de", form)
    page.click("Move", form)
    page.click("Move", "dialog")
    page.sees("2 messages moved to the queue mail.")
    assert broker.api("GET", "queues", "/", "mail")["messages"] == 2
    page.fill("Queue", "nowhere", form)
    page.click("Move", form)
    page.click("Move", "dialog")
    page.until("the refusal", lambda: page.has("form[aria-label='Move messages'] .form-error, form[aria-label='Move messages'] .error"))


def test_where_a_setting_comes_from(enter: Enter, broker: Broker) -> None:
    broker.api("PUT", "queues", "/", "capped", body={"durable": True, "arguments": {"x-max-length": 50}})
    broker.api("PUT", "policies", "/", "wide", body={"pattern": "^capped$", "definition": {"max-length": 100, "message-ttl": 9000}, "apply-to": "queues"})
    page = enter("#/queues/%2F/capped")
    page.sees("policy wide says 100")
    rows = page.run("() => [...document.querySelectorAll(\"section[aria-label='What is in force'] tbody tr\")].map((row) => row.innerText.replace(/\\s+/g, ' '))")
    assert any(row.startswith("max-length 50 its argument") for row in rows), rows
    assert any(row.startswith("message-ttl 9000 policy wide") for row in rows), rows


def test_a_policy_says_where_another_one_wins(enter: Enter, broker: Broker) -> None:
    broker.api("PUT", "policies", "/", "strong", body={"pattern": "^mail$", "definition": {"max-length": 7}, "priority": 9, "apply-to": "queues"})
    page = enter("#/policies")
    page.click("Add a policy")
    page.fill("Pattern", "^(mail|audit)$", "form[aria-label='Add a policy']")
    page.sees("It would match 2 queues and 0 exchanges.")
    page.sees("For mail (strong) another policy has the higher priority")


def test_messages_are_followed_as_they_pass(enter: Enter, broker: Broker) -> None:
    page = enter("#/tail/exchange/%2F/shop")
    page.click("Start")
    page.sees("Nothing passed yet.")

    def publish(key: str, body: str) -> None:
        broker.api("POST", "exchanges", "/", "shop", "publish", body={
            "routing_key": key, "properties": {}, "payload": body, "payload_encoding": "string"})

    publish("mail.one", "<b>first</b>")
    page.sees("<b>first</b>")
    publish("mail.two", "second")
    page.until("both", lambda: page.count(".tail details") == 2)
    assert page.run("() => document.querySelector('.tail details summary code').textContent") == "mail.two", "the newest comes first"
    page.sees("2 messages passed, 0 of them too fast to show")
    page.click("Stop")
    page.sees("stopped")
    publish("mail.three", "third")
    page.fill("Text in the body", "four")
    page.click("Start")
    publish("mail.four", "number four")
    publish("mail.five", "number five")
    page.sees("number four")
    assert "third" not in page.text() and "number five" not in page.text()


def test_a_tail_that_cannot_be_says_why(enter: Enter) -> None:
    page = enter("#/tail")
    page.fill("What", "exchange")
    page.fill("Its name", "front")
    page.click("Watch")
    page.click("Start")
    page.sees("cannot be tailed: it is direct")
