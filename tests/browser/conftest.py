"""Fixtures: one browser for all tests, a broker, and a page of one's own for each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from broker import Broker, running
from chromium import Chromium, Page


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    browser = Chromium()
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def broker() -> Iterator[Broker]:
    with running() as one:
        yield one


Enter = Callable[..., Page]


@pytest.fixture
def enter(chromium: Chromium, broker: Broker) -> Iterator[Enter]:
    """Opens a page and logs in; at the end none of them may have complained."""
    opened: list[Page] = []

    def log_in(where: str = "", user: str = "guest", password: str = "guest", at: Broker | None = None, **look: Any) -> Page:
        page = chromium.page(**look)
        opened.append(page)
        url = (at or broker).url
        page.go(url)
        page.until("the login", lambda: page.has("input[name=username]"))
        # So that nobody waits for the next look.
        page.run("() => localStorage.setItem('haremq.every', '1')")
        page.fill("Username", user)
        page.fill("Password", password)
        page.click("Log in")
        page.until("the first page", lambda: page.has("main .page-head"))
        if where:
            visit(page, where)
        return page

    yield log_in
    complaints = [said for page in opened for said in page.complaints()]
    for page in opened:
        page.close()
    assert not complaints, "\n".join(complaints)


def visit(page: Page, where: str) -> None:
    """Goes to an address of the pages, such as `#/queues`, and waits until it is shown."""
    page.run("where => { location.hash = where }", where)
    page.until(f"the page {where}", lambda: page.run(
        "where => location.hash === where && document.querySelector('main:not([aria-busy]) .page, main .empty.large') !== null", where))
