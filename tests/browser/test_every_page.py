"""Every page: names and bodies of strangers are text, everything has a name, nothing sticks out, and pictures of it all."""

from __future__ import annotations

import json
import os
import threading
import urllib.error
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pika
import pytest

from broker import Broker, running
from chromium import Page
from conftest import Enter, visit

# Markup that would run if it were ever more than text, with quotes of both kinds.
EVIL = "<img src=x onerror='window.pwned=1'>\"><svg onload=window.pwned=2>"
# Nothing in it where a line could be broken.
LONG = "long" * 50
BODY = json.dumps({"what": EVIL, "next": "</pre><script>window.pwned=3</script>"})
PICTURES = Path(os.environ.get("HAREMQ_PICTURES", "/tmp/haremq-pages"))


def part(name: str) -> str:
    return quote(name, safe="")


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    """A broker in use: a shop with consumers, and everything that can be named named by somebody evil."""
    with running() as one:
        one.api("PUT", "vhosts", EVIL, body={"description": EVIL})
        one.api("PUT", "users", EVIL, body={"password": "p", "tags": "monitoring"})
        one.api("PUT", "permissions", EVIL, EVIL, body={"configure": ".*", "write": ".*", "read": ".*"})
        one.api("PUT", "users", "looker", body={"password": "p", "tags": "management"})
        one.api("PUT", "permissions", "/", "looker", body={"configure": "^$", "write": "^$", "read": ".*"})
        one.api("PUT", "policies", "/", EVIL, body={"pattern": "^zzz", "definition": {"max-length": 5}, "apply-to": "queues"})
        one.api("PUT", "policies", "/", "keep", body={"pattern": "^orders", "definition": {"max-length": 10000}, "apply-to": "queues"})
        connection = one.connect(EVIL, client_properties={EVIL: EVIL})
        channel = connection.channel()
        channel.exchange_declare("shop", "topic", durable=True)
        channel.exchange_declare(EVIL, "headers", arguments={"alternate-exchange": EVIL})
        for queue in ("orders", "invoices", "订单", EVIL):
            channel.queue_declare(queue, durable=True, arguments={"x-message-ttl": 3_600_000})
            channel.queue_bind(queue, "shop", "order.#" if queue != EVIL else EVIL)
        channel.queue_bind(EVIL, EVIL, EVIL, arguments={"x-match": "all", EVIL: EVIL})
        properties = pika.BasicProperties(content_type="application/json", headers={EVIL: EVIL}, message_id=EVIL, user_id="guest")
        for key in ("order.new", EVIL):
            channel.basic_publish("shop", key, BODY, properties)
        channel.basic_publish("", "orders", bytes(range(256)))
        channel.queue_declare(LONG, durable=True, arguments={"x-max-length": 100})
        channel.queue_bind(LONG, EVIL, LONG)
        for _ in range(3):
            channel.basic_publish("", LONG, LONG, properties)
        channel.basic_qos(prefetch_count=1)
        channel.basic_consume(LONG, lambda *_: None, consumer_tag=LONG)
        channel.basic_consume(EVIL, lambda *_: None, consumer_tag=EVIL)
        connection.process_data_events(0.2)
        stop = threading.Event()
        alive = threading.Thread(target=lambda: keep(connection, stop))
        alive.start()
        yield one
        stop.set()
        alive.join()
        connection.close()


def keep(connection: pika.BlockingConnection, stop: threading.Event) -> None:
    while not stop.is_set():
        connection.process_data_events(0.2)


def places(broker: Broker) -> dict[str, str]:
    """Every page, by a name for its picture."""
    connection = broker.api("GET", "connections")[0]["name"]
    channel = broker.api("GET", "channels")[0]["name"]
    plain = {name: f"#/{name}" for name in (
        "connections", "channels", "exchanges", "queues", "admin", "users", "vhosts", "policies", "limits", "definitions", "tail", "log")}
    return {
        "overview": "#/", **plain,
        "connection": f"#/connections/{part(connection)}",
        "channel": f"#/channels/{part(channel)}",
        "exchange": "#/exchanges/%2F/shop",
        "default-exchange": "#/exchanges/%2F/amq.default",
        "evil-exchange": f"#/exchanges/%2F/{part(EVIL)}",
        "queue": "#/queues/%2F/orders",
        "evil-queue": f"#/queues/%2F/{part(EVIL)}",
        "long-queue": f"#/queues/%2F/{LONG}",
        "user": f"#/users/{part(EVIL)}",
        "vhost": f"#/vhosts/{part(EVIL)}",
        "gone": "#/queues/%2F/gone",
        "tail-queue": f"#/tail/queue/%2F/{part(EVIL)}",
    }


UNNAMED = """() => {
    const said = (node) => (node.innerText || node.getAttribute("aria-label") || node.title || node.labels?.[0]?.innerText || "").trim();
    const bad = [...document.querySelectorAll("button, a[href], input, select, textarea, summary")]
        .filter((node) => node.checkVisibility() && said(node) === "").map((node) => node.outerHTML.slice(0, 120));
    for (const [what, wanted] of [["h1", 1], ["main", 1], ["nav[aria-label=Pages]", 1]]) {
        if (document.querySelectorAll(what).length !== wanted) bad.push(`${wanted} of ${what} wanted`);
    }
    const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
    if (new Set(ids).size !== ids.length) bad.push("an id is there twice");
    return bad;
}"""

OUTSIDE = """() => [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && !node.closest(".scroll, .places, .unseen, pre, thead, .skip"))
    .filter((node) => { const box = node.getBoundingClientRect(); return box.width > 1 && box.right > innerWidth + 1; })
    .map((node) => node.outerHTML.slice(0, 100)).slice(0, 3)
    .concat(document.documentElement.scrollWidth > innerWidth ? [`wider than the window: ${document.documentElement.scrollWidth}`] : [])"""


def harmless(page: Page) -> None:
    assert page.run("() => window.pwned ?? null") is None
    assert page.count("#app img:not([src='favicon.svg']), #app script, #app svg[onload], [onerror]") == 0


@pytest.mark.parametrize("look", ["light", "dark", "phone", "phone-dark"])
def test_every_page_is_whole_and_has_a_picture(enter: Enter, broker: Broker, look: str) -> None:
    wide = not look.startswith("phone")
    page = enter(width=1280 if wide else 390, height=900 if wide else 844, dark="dark" in look)
    faults = []
    for name, where in places(broker).items():
        visit(page, where)
        page.until("the charts", lambda: not page.has("main[aria-busy]"))
        page.picture(PICTURES / f"{name}-{look}.png")
        harmless(page)
        faults += [f"{name}: {fault}" for fault in page.run(UNNAMED) + page.run(OUTSIDE)]
    assert not faults, "\n".join(faults)


def test_what_strangers_wrote_is_shown_as_they_wrote_it(enter: Enter, broker: Broker) -> None:
    page = enter("#/queues")
    page.sees(EVIL)
    page.sees("订单")
    visit(page, f"#/queues/%2F/{part(EVIL)}")
    page.until("the heading", lambda: page.run("() => document.querySelector('h1').textContent") == EVIL)
    visit(page, "#/queues/%2F/invoices")
    page.click("Look", "form[aria-label='Look at waiting messages']")
    page.until("the body", lambda: "</pre><script>" in (page.run("() => document.querySelector('.body pre')?.textContent") or ""))
    page.sees(EVIL)
    harmless(page)
    visit(page, "#/connections")
    page.sees(EVIL)
    page.click(EVIL)
    page.sees("What the client says of itself")
    harmless(page)
    visit(page, f"#/users/{part(EVIL)}")
    page.click("Delete")
    page.click("Delete the user")
    page.until("the question", lambda: page.has("dialog[open]"))
    harmless(page)
    page.click("Cancel")


def test_what_strangers_send_runs_nowhere_where_it_is_looked_into(enter: Enter, broker: Broker) -> None:
    """What comes after a click: unsettled and fetched messages, the live tail, routes, refusals, imports, lines of the log."""
    evil = f"#/queues/%2F/{part(EVIL)}"
    page = enter(evil)
    # Bodies, keys and headers that are held by a consumer whose tag is evil as well.
    page.sees("Unacknowledged")
    page.run("() => document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    page.until("the body that is held", lambda: "</pre><script>" in page.text())
    page.sees(EVIL)
    harmless(page)

    visit(page, f"#/tail/queue/%2F/{part(EVIL)}")
    page.click("Start")
    page.sees("Nothing passed yet.")
    message = {"routing_key": EVIL, "properties": {"headers": {EVIL: EVIL}, "message_id": EVIL, "type": EVIL}, "payload": BODY, "payload_encoding": "string"}
    broker.api("POST", "exchanges", "/", "shop", "publish", body=message)
    page.until("it passes", lambda: page.count(".tail details") == 1)
    page.run("() => document.querySelectorAll('.tail details').forEach((one) => { one.open = true; })")
    page.until("its body", lambda: "</pre><script>" in page.text())
    harmless(page)

    visit(page, f"#/exchanges/%2F/{part(EVIL)}")
    form = "form[aria-label='Explain a route']"
    page.fill("Routing key", EVIL, form)
    page.click("Explain", form)
    page.sees("It would reach")
    harmless(page)

    visit(page, "#/queues/%2F/invoices")
    page.click("Get", ".choices[aria-label=Way]")
    page.click("Get", "form[aria-label='Get messages']")
    page.until("the message", lambda: "</pre><script>" in page.text())
    harmless(page)

    # A refusal has the name that was asked for.
    refused(page, broker)
    harmless(page)

    visit(page, "#/log")
    page.until("the refused login", lambda: EVIL in page.text().replace("\\\"", "\""))
    harmless(page)


def refused(page: Page, broker: Broker) -> None:
    """What a refusal says, on the page and in the log, with an evil name in it."""
    with pytest.raises(urllib.error.HTTPError):
        broker.api("GET", "whoami", user=EVIL, password="wrong")
    visit(page, "#/queues")
    form = "form[aria-label='Add a queue']"
    page.click("Add a queue")
    page.fill("Name", EVIL, form)
    page.click("Add the queue")
    page.until("the refusal", lambda: "inequivalent arg" in (page.run("() => document.querySelector('.form-error')?.textContent") or ""))
    assert EVIL in page.run("() => document.querySelector('.form-error').textContent")


def test_an_import_of_evil_names_is_only_text(enter: Enter) -> None:
    page = enter("#/definitions")
    document = {"queues": [{"name": f"{EVIL} new", "vhost": "/", "durable": True, "auto_delete": False, "arguments": {EVIL: EVIL}}]}
    page.run("""([text, name]) => {
        const bag = new DataTransfer();
        bag.items.add(new File([text], name, { type: "application/json" }));
        const input = document.getElementById("import-file");
        input.files = bag.files;
        input.dispatchEvent(new Event("change", { bubbles: true }));
    }""", [json.dumps(document), EVIL])
    page.sees("1 would be added")
    page.sees(EVIL)
    harmless(page)


def test_on_a_phone_the_place_that_is_shown_can_be_seen(enter: Enter) -> None:
    page = enter(width=390, height=844)
    for where in ("#/log", "#/admin", "#/", "#/queues"):
        visit(page, where)
        page.until(f"{where} among the places", lambda: page.run("""() => {
            const bar = document.querySelector('.places').getBoundingClientRect();
            const here = document.querySelector('.places [aria-current]').getBoundingClientRect();
            return here.left >= bar.left - 1 && here.right <= bar.right + 1;
        }"""))
        assert page.run("() => scrollY") == 0


def test_keys_lead_everywhere(enter: Enter) -> None:
    page = enter()
    page.press("g")
    page.press("q")
    page.until("the queues", lambda: page.run("() => location.hash") == "#/queues")
    page.until("the list", lambda: page.has("#filter"))
    page.press("/")
    assert page.run("() => document.activeElement.id") == "filter"
    for key in "orders":
        page.press(key)
    page.until("one queue", lambda: page.count("tbody tr") == 1)
    page.run("() => document.activeElement.blur()")
    page.press("g")
    page.press("o")
    page.until("a line", lambda: page.has("path.line[d*=L]"))
    page.run("() => document.querySelector('.plot svg').focus()")
    page.press("ArrowLeft")
    page.until("the values there", lambda: page.has(".readout b"))
    page.press("Escape")
    page.until("no values", lambda: not page.has(".readout"))
    page.run("() => document.activeElement.blur()")
    page.press("?")
    page.until("the keys", lambda: page.has("dialog[open]"))
    page.press("Escape")
    page.until("they are closed", lambda: not page.has("dialog"))
    page.run("() => { document.body.tabIndex = -1; document.body.focus(); }")
    page.press("Tab")
    assert page.run("() => document.activeElement.className") == "skip"
    page.press("Enter")
    page.until("the content", lambda: page.run("() => document.activeElement.id") == "main")


def test_a_wrong_filter_is_said_beside_it(enter: Enter) -> None:
    page = enter("#/queues?regex=1&name=%5B")
    page.until("the error", lambda: page.run("() => document.querySelector('#filter-error')?.textContent"))
    assert page.run("() => document.getElementById('filter').getAttribute('aria-describedby')") == "filter-error"
    visit(page, "#/queues?regex=1&name=%5Eord.*s%24")
    page.until("one queue", lambda: page.count("tbody tr") == 1)


def test_nothing_moves_when_the_page_looks_again(enter: Enter, broker: Broker) -> None:
    page = enter("#/queues/%2F/orders")
    page.until("the charts", lambda: page.has("path.line"))
    page.run("""() => {
        window.moved = 0;
        window.looks = 0;
        new PerformanceObserver((list) => list.getEntries().forEach((one) => { window.moved += one.value; })).observe({ type: "layout-shift" });
        new PerformanceObserver((list) => { window.looks += list.getEntries().filter((one) => one.name.includes("/api/queues/")).length; }).observe({ type: "resource" });
        document.querySelector("form[aria-label='Look at waiting messages']").querySelector("input, select").focus();
    }""")
    for number in range(4):
        broker.api("POST", "exchanges", "/", "amq.default", "publish", body={
            "routing_key": "orders", "properties": {}, "payload": str(number), "payload_encoding": "string"})
    page.until("some looks", lambda: page.run("() => window.looks") >= 6)
    assert page.run("() => window.moved") < 0.01
    assert page.run("() => document.activeElement.tagName") in ("INPUT", "SELECT"), "the focus stays"


def test_tags_decide_what_is_shown(enter: Enter) -> None:
    page = enter(user="looker", password="p")
    page.sees("Overview")
    assert not page.has(".node") and "Definitions" not in page.text()
    visit(page, "#/admin")
    assert "Users" not in page.text() and "Policies" in page.text()
    visit(page, "#/policies")
    assert not page.has("form[aria-label='Add a policy']")
    visit(page, "#/users")
    page.sees("You may not look at this.")
    visit(page, "#/queues/%2F/orders")
    page.sees("orders")
    page.click("Publish a message")
    page.fill("Body", "x", "form[aria-label='Publish a message']")
    page.click("Publish", "form[aria-label='Publish a message']")
    page.until("the refusal", lambda: page.has(".form-error"))


def test_many_queues_are_pages_of_a_hundred(enter: Enter) -> None:
    with running() as one:
        connection = one.connect()
        channel = connection.channel()
        for number in range(1200):
            channel.queue_declare(f"q{number:05}")
        page = enter("#/queues", at=one)
        page.sees("1,200 queues")
        page.until("one page", lambda: page.count("tbody tr") == 100)
        page.sees("Page 1 of 12")
        page.click("Last page")
        page.sees("q01199")
        page.click("Ready")
        page.until("the order", lambda: page.has("th[aria-sort=descending]"))
        page.fill("Filter queues by name", "0077")
        page.until("few", lambda: page.count("tbody tr") == 11)
        page.sees("11 of 1,200 queues")
        connection.close()
