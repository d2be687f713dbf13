"""The modules that are functions of their input, asked in the browser that runs them."""

from __future__ import annotations

from typing import Any

import pytest

from broker import Broker
from chromium import Chromium, Page


@pytest.fixture(scope="module")
def page(chromium: Chromium, broker: Broker) -> Page:
    page = chromium.page()
    page.go(broker.url)
    page.until("the login", lambda: page.has("input[name=username]"))
    return page


def ask(page: Page, module: str, name: str, *arguments: Any) -> Any:
    return page.run(
        "async (module, name, told) => (await import(new URL(`js/${module}.js`, document.baseURI)))[name](...told)",
        module, name, list(arguments))


def test_numbers_are_written_for_people(page: Page) -> None:
    wanted = {
        "count": [(0, "0"), (1234567, "1,234,567"), (None, "–")],
        "rate": [(0, "0"), (0.01, "<0.1"), (8, "8.0"), (45.77, "45.8"), (1234.5, "1,235"), (250_000, "250k"), (None, "–")],
        "short": [(12345, "12,345"), (123_456, "123.5k"), (1_200_000, "1.2M"), (0.5, "0.5")],
        "mark": [((0, 100), "0"), ((2.5, 10), "2.5"), ((75_000, 100_000), "75k"), ((2_500_000, 5_000_000), "2.5M")],
        "bytes": [(0, "0 B"), (1023, "1,023 B"), (1024, "1 KiB"), (1536, "1.5 KiB"), (5 * 1024**3, "5 GiB"), (-2048, "-2 KiB")],
        "duration": [(250, "250 ms"), (4200, "4.2 s"), (59_000, "59 s"), (61_000, "1 min 1 s"), (3_600_000, "1 h"), (90_000_000, "1 d 1 h")],
    }
    for name, pairs in wanted.items():
        for given, said in pairs:
            assert ask(page, "format", name, *(given if isinstance(given, tuple) else (given,))) == said, f"{name}({given})"


def test_a_counter_that_was_started_anew_leaves_a_gap(page: Page) -> None:
    points = [[0, 100], [5000, 150], [10_000, 20], [15_000, 30]]
    slopes = ask(page, "series", "slopes", points)
    assert slopes == [[5000, 10], [10_000, None], [15_000, 2]]
    assert ask(page, "chart", "runs", slopes, 5000) == [[[5000, 10]], [[15_000, 2]]]
    late = [[0, 1], [5000, 2], [60_000, 3]]
    assert ask(page, "chart", "runs", late, 5000) == [[[0, 1], [5000, 2]], [[60_000, 3]]]


def test_axes_have_round_numbers(page: Page) -> None:
    assert ask(page, "chart", "ticks", 0) == [0, 1]
    assert ask(page, "chart", "ticks", 87) == [0, 25, 50, 75, 100]
    assert ask(page, "chart", "ticks", 1, "whole") == [0, 1]
    assert ask(page, "chart", "ticks", 3, "whole") == [0, 1, 2, 3]
    assert ask(page, "chart", "ticks", 0.3) == [0, 0.1, 0.2, 0.3]
    assert ask(page, "chart", "ticks", 3 * 1024**2, "bytes")[1] % 1024**2 == 0


def test_samples_of_the_broker_become_lines(page: Page) -> None:
    samples = [{"sample": 30, "timestamp": 10_000}, {"sample": 10, "timestamp": 5000}, {"sample": 10, "timestamp": 0}]
    stats = {"publish": 30, "publish_details": {"rate": 4, "samples": samples}}
    assert ask(page, "series", "rates", "x", stats, "publish") == [[5000, 0], [10_000, 4]]
    assert ask(page, "series", "levels", "x", stats, "publish") == [[0, 10], [5000, 10], [10_000, 30]]
    asked = ask(page, "series", "sampleQuery", {"age": 60, "incr": 5}, ["lengths"])
    assert asked == {"lengths_age": 60, "lengths_incr": 5}


def test_addresses_are_those_of_rabbitmq(page: Page) -> None:
    for where, parts in (
        ("#/", []), ("", []), ("#/queues", ["queues"]), ("#/queues/", ["queues"]),
        ("#/queues/%2F/a%2Fb%3F", ["queues", "/", "a/b?"]), ("#/queues/%2F/%E8%AE%A2%E5%8D%95?range=1h", ["queues", "/", "订单"]),
        ("#/users/100%", ["users", "100%"]),
    ):
        page.run("where => history.replaceState(null, '', where || location.pathname)", where)
        assert ask(page, "router", "current")["parts"] == parts, where
    assert ask(page, "router", "queueLink", "/", "a/b 订") == "#/queues/%2F/a%2Fb%20%E8%AE%A2"
    assert ask(page, "router", "exchangeLink", "v", "") == "#/exchanges/v/amq.default"
    page.run("() => history.replaceState(null, '', location.pathname)")


def test_named_values_keep_their_types_and_strange_names(page: Page) -> None:
    rows = [
        {"key": "x-message-ttl", "type": "number", "value": "60000"},
        {"key": "lazy", "type": "boolean", "value": "false"},
        {"key": "list", "type": "json", "value": "[1, \"a\"]"},
        {"key": "__proto__", "type": "string", "value": "text"},
        {"key": "", "type": "string", "value": ""},
    ]
    assert ask(page, "entries", "entriesValue", rows) == {"x-message-ttl": 60000, "lazy": False, "list": [1, "a"], "__proto__": "text"}
    for wrong, said in (
        ({"key": "n", "type": "number", "value": "many"}, "“n” is to be a number"),
        ({"key": "", "type": "string", "value": "v"}, "The value “v” has no name"),
        ({"key": "j", "type": "json", "value": "{"}, "“j” is to be JSON"),
    ):
        refused = page.run(
            "async row => { const { entriesValue } = await import(new URL('js/entries.js', document.baseURI)); try { entriesValue([row]); } catch (error) { return error.message; } }",
            wrong)
        assert refused.startswith(said)


def test_a_message_is_text_whatever_it_holds(page: Page) -> None:
    assert ask(page, "message", "bodyText", {"payload": '{"a":1}'}) == '{\n  "a": 1\n}'
    assert ask(page, "message", "bodyText", {"payload": "{not json"}) == "{not json"
    assert ask(page, "message", "bodyText", {"payload": "AAFB", "payload_encoding": "base64"}).startswith("000000  00 01 41")


def test_no_address_leads_into_a_script(page: Page) -> None:
    script = """async () => {
        const { create, h } = await import(new URL("js/dom.js", document.baseURI));
        const made = (href) => create(h("a", { href })).getAttribute("href");
        const node = create(h("p", { onclick: "alert(1)" }, "<b>text</b>"));
        return [made("javascript:alert(1)"), made("//elsewhere.example"), made("data:text/html,x"), made("#/queues"), node.onclick, node.getAttribute("onclick"), node.textContent, node.childElementCount];
    }"""
    assert page.run(script) == [None, None, None, "#/queues", None, None, "<b>text</b>", 0]


def test_children_keep_their_nodes_when_the_order_changes(page: Page) -> None:
    script = """async () => {
        const { h, patch } = await import(new URL("js/dom.js", document.baseURI));
        const list = document.createElement("ul");
        const show = (...keys) => patch(list, keys.map((key) => h("li", { key }, key)));
        const said = () => [...list.children].map((node) => node.textContent).join("");
        show("a", "b", "c");
        const [a, b, c] = list.children;
        const orders = [];
        for (const keys of ["cab", "bd", "abcd", "", "ca"]) {
            show(...keys);
            orders.push(said() === keys);
            if (keys === "cab") orders.push(list.children[0] === c && list.children[1] === a && list.children[2] === b);
        }
        return orders;
    }"""
    assert page.run(script) == [True] * 6
