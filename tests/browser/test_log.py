"""The log: its last lines, those that come, and the filter."""

from __future__ import annotations

import os
import urllib.error
from pathlib import Path

import pytest

from broker import Broker
from chromium import Page
from conftest import Enter, visit

PICTURES = Path(os.environ.get("HAREMQ_PICTURES", "/tmp/haremq-pages"))
REFUSED = "a login to the management API was refused"
LINES = "() => [...document.querySelectorAll('.log-line')].map((line) => line.innerText.replace(/\\s+/g, ' '))"


def refuse_a_login(broker: Broker, name: str = "<b>mallory</b>") -> None:
    with pytest.raises(urllib.error.HTTPError):
        broker.api("GET", "whoami", user=name, password="wrong")


def looks_again(page: Page) -> None:
    seen = "() => document.querySelector('footer').innerText"
    before = page.run(seen)
    page.until("the next look", lambda: page.run(seen) != before)


def test_a_refused_login_is_a_line_that_comes_by_itself(enter: Enter, broker: Broker) -> None:
    refuse_a_login(broker)
    page = enter()
    page.click("Log", "nav[aria-label=Pages]")
    page.sees(REFUSED)
    first = page.run(LINES)
    assert "warning" in first[0] and "haremq::http::authentication" in first[0], first
    refuse_a_login(broker)
    page.until("one more", lambda: len(page.run(LINES)) == len(first) + 1)
    assert page.run(LINES)[1:] == first, "the newest is on top, and nothing comes twice"

    # Looks at the same pace, and goes on.
    other = enter("#/queues")
    page.click("Pause")
    page.sees("paused: what comes meanwhile is shown afterwards")
    # One look may have been under way.
    looks_again(other)
    refuse_a_login(broker)
    asked = "() => performance.getEntriesByType('resource').filter((one) => one.name.includes('/haremq/log')).length"
    seen_at = "() => document.querySelector('footer').innerText"
    before = page.run(asked), page.run(seen_at)
    looks_again(other)
    looks_again(other)
    page.press("r")
    assert (page.run(asked), page.run(seen_at)) == before, "a page that is paused does not ask, and says when it did last"
    assert len(page.run(LINES)) == len(first) + 1
    page.click("Pause")
    page.until("what came meanwhile", lambda: len(page.run(LINES)) == len(first) + 2)


def test_lines_are_filtered_by_level_and_text(enter: Enter, broker: Broker) -> None:
    refuse_a_login(broker)
    page = enter("#/log")
    page.sees(REFUSED)
    page.run("() => document.activeElement.blur()")
    page.press("/")
    page.until("the filter", lambda: page.run("() => document.activeElement.id") == "filter")
    page.fill("Filter lines by text", "HTTP::authentication")
    page.until("the address", lambda: page.run("() => location.hash") == "#/log?text=HTTP%3A%3Aauthentication")
    page.until("those lines", lambda: page.run(LINES) and all("http::authentication" in line for line in page.run(LINES)))
    page.fill("Filter lines by text", "none is like that")
    page.sees("No line is like that.")
    page.click("Show all")
    page.sees(REFUSED)
    page.fill("Level", "error")
    page.sees("No line is like that.")
    assert page.run("() => location.hash") == "#/log?level=error"


def test_only_an_administrator_has_the_log(enter: Enter, broker: Broker) -> None:
    broker.api("PUT", "users", "watcher", body={"password": "p", "tags": "monitoring"})
    page = enter(user="watcher", password="p")
    assert "Log" not in page.run("() => [...document.querySelectorAll('nav[aria-label=Pages] a')].map((link) => link.innerText)")


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_a_long_line_is_wrapped(enter: Enter, broker: Broker, look: str) -> None:
    refuse_a_login(broker, "l" * 255)
    page = enter(width=390 if look == "phone" else 1280, height=844, dark=look == "dark")
    visit(page, "#/log")
    page.sees(REFUSED)
    assert page.run("() => document.documentElement.scrollWidth <= innerWidth")
    page.picture(PICTURES / f"log-lines-{look}.png")
