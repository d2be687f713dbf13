"""The path of somebody who opens the pages for the first time."""

from __future__ import annotations

import json
import time
from pathlib import Path

from broker import Broker, running
from chromium import Chromium
from conftest import Enter, visit

QUEUE = "订单"
ADDRESS = "#/queues/%2F/%E8%AE%A2%E5%8D%95"


def test_a_wrong_password_is_said_beside_the_form(chromium: Chromium, broker: Broker) -> None:
    page = chromium.page()
    page.go(broker.url)
    page.fill("Username", "guest")
    page.fill("Password", "wrong")
    page.click("Log in")
    page.sees("Login failed")
    page.fill("Password", "guest")
    page.click("Log in")
    page.until("the overview", lambda: page.has("main .figures"))
    page.click("guest", ".choose")
    page.click("Log out")
    page.sees("You are logged out.")
    assert page.complaints() == []
    page.close()


def test_a_queue_is_added_filled_looked_into_and_drawn(enter: Enter, broker: Broker) -> None:
    page = enter("#/queues")
    page.sees("No queues yet.")
    page.fill("Name", QUEUE, "form[aria-label='Add a queue']")
    page.click("Add the queue")
    page.sees(f"The queue {QUEUE} is there.")
    page.click(QUEUE)
    page.until("its page", lambda: page.run("() => location.hash") == ADDRESS)
    page.until("its name", lambda: page.run("() => document.querySelector('h1').textContent") == QUEUE)

    page.click("Publish a message")
    for body in ("一号", '{"number": 2}'):
        page.fill("Body", body, "form[aria-label='Publish a message']")
        page.click("Publish", "form[aria-label='Publish a message']")
        page.sees("Published, and the broker has confirmed it.")
        page.until("one more", lambda: broker.api("GET", "queues", "/", QUEUE)["messages"] >= 1)
    page.until("two that are ready", lambda: page.run("() => document.querySelector('.figure-value').textContent") == "2")

    drawn = "() => document.querySelector('path.line.c1')?.getAttribute('d') ?? ''"
    before = page.until("a line", lambda: page.run(drawn))
    page.until("the chart to move", lambda: page.run(drawn) not in ("", before))

    page.click("Look", "form[aria-label='Look at waiting messages']")
    page.sees('"number": 2')
    page.click("Get", ".choices[aria-label=Way]")
    page.fill("How many", "2", "form[aria-label='Get messages']")
    page.click("Get", "form[aria-label='Get messages']")
    page.sees("一号")
    page.sees('"number": 2')
    page.until("both again", lambda: broker.api("GET", "queues", "/", QUEUE)["messages_ready"] == 2)


def test_an_exchange_is_bound_and_drawn(enter: Enter, broker: Broker) -> None:
    broker.api("PUT", "queues", "/", QUEUE, body={"durable": True})
    page = enter("#/exchanges")
    page.click("Add an exchange")
    page.fill("Name", "shop", "form[aria-label='Add an exchange']")
    page.fill("Type", "topic", "form[aria-label='Add an exchange']")
    page.click("Add the exchange")
    page.sees("The exchange shop is there.")
    visit(page, "#/exchanges/%2F/shop")
    page.click("Add a binding")
    page.fill("Its name", QUEUE)
    page.fill("Routing key", "order.#", "form[aria-label='Add a binding']")
    page.click("Bind")
    page.until("the picture", lambda: page.run("() => [...document.querySelectorAll('.picture .box.queue text')].map(n => n.textContent).includes('订单')"))
    assert page.run("() => document.querySelector('.edge-label').textContent").endswith("order.#")
    page.click("Unbind")
    page.sees("Nothing is bound to this exchange.")


def test_a_policy_shows_what_it_matches_before_it_is_set(enter: Enter, broker: Broker) -> None:
    for name in ("orders.new", "orders.paid", "mail"):
        broker.api("PUT", "queues", "/", name, body={})
    page = enter("#/policies")
    page.click("Add a policy")
    page.fill("Pattern", "^orders\\.", "form[aria-label='Add a policy']")
    page.sees("It would match 2 queues and 0 exchanges.")
    page.fill("Pattern", "^orders\\.(", "form[aria-label='Add a policy']")
    page.fill("Name", "short", "form[aria-label='Add a policy']")
    page.click("Add the policy")
    page.sees("Not a regular expression")
    page.fill("Pattern", "^orders\\.", "form[aria-label='Add a policy']")
    page.click("Message TTL", "form[aria-label='Add a policy']")
    page.click("Add the policy")
    page.sees("The policy short is in force.")
    policy = broker.api("GET", "policies", "/", "short")
    assert policy["definition"] == {"message-ttl": 60000}
    visit(page, "#/queues/%2F/orders.new")
    page.sees("policy short")


def test_definitions_are_exported(enter: Enter, broker: Broker, tmp_path: Path) -> None:
    page = enter("#/definitions")
    broker.api("PUT", "queues", "/", QUEUE, body={"durable": True})
    page.browser.call("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(tmp_path), browserContextId=page.context)
    page.click("Export")
    page.sees("The definitions are exported.")
    whole = page.until("the file", lambda: next((one for one in tmp_path.glob("*.json")), None))
    time.sleep(0.2)
    assert QUEUE in [queue["name"] for queue in json.loads(whole.read_text())["queues"]]


def test_a_blocked_publisher_is_explained(enter: Enter) -> None:
    with running("vm_memory_high_watermark.absolute = 200KB") as small:
        connection = small.connect("filler")
        channel = connection.channel()
        channel.queue_declare("full")
        for _ in range(300):
            channel.basic_publish("", "full", b"x" * 4096)
        connection.process_data_events(0.5)
        page = enter(at=small)
        page.sees("Publishers are held back.")
        page.sees("Memory:")
        name = small.api("GET", "connections")[0]["name"]
        page.run("name => { location.hash = '#/connections/' + encodeURIComponent(name) }", name)
        page.sees("Why?")
        page.sees("What helps:")
        page.sees("watermark")


def test_a_broker_that_is_gone_leaves_what_was_seen(chromium: Chromium) -> None:
    with running() as one:
        page = chromium.page()
        page.go(one.url)
        page.run("() => localStorage.setItem('haremq.every', '1')")
        page.fill("Username", "guest")
        page.fill("Password", "guest")
        page.click("Log in")
        page.until("the overview", lambda: page.has("main .figures"))
        one.stop()
        page.sees("The broker does not answer.")
        assert page.has("main .figures"), "what was seen stays"
        assert page.complaints() == []
        page.close()


def test_an_import_says_what_it_would_change_before_it_does(enter: Enter, broker: Broker) -> None:
    document = {"queues": [{"name": "new", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {}}]}
    page = enter("#/definitions")
    page.run("""(text) => {
        const file = new File([text], "mine.json", { type: "application/json" });
        const bag = new DataTransfer();
        bag.items.add(file);
        const input = document.getElementById("import-file");
        input.files = bag.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }""", json.dumps(document))
    page.sees("mine.json: 1 would be added, 0 changed, 0 deleted")
    assert "new" not in [queue["name"] for queue in broker.api("GET", "queues")]
    page.click("Import")
    page.sees("The definitions are imported.")
    assert "new" in [queue["name"] for queue in broker.api("GET", "queues")]


def test_a_reload_keeps_the_login(enter: Enter, broker: Broker) -> None:
    page = enter("#/queues")
    assert "haremq" not in page.run("() => document.cookie"), "no script can read it"
    page.call("Page.reload")
    page.sees("Add a queue")
    page.click("guest", ".choose")
    page.click("Log out")
    page.sees("You are logged out.")
    page.call("Page.reload")
    page.until("the login", lambda: page.has("input[name=username]"))
