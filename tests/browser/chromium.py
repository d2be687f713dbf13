"""A headless Chromium, spoken to over its DevTools pipe: no driver, no socket, nothing to install but the browser.

Only what the tests need: open a page, find what a person sees, click, type, press keys, wait, take a picture.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PATIENCE_SECONDS = 20.0
WAIT_SECONDS = 0.05
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-first-run",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--lang=en-US",
)


class BrowserError(Exception):
    """The browser is not there, ended, or a page did not become what was waited for."""


def find() -> str | None:
    """The browser of this machine."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


class Chromium:
    """One browser process."""

    def __init__(self) -> None:
        binary = find()
        if binary is None:
            raise BrowserError("there is no chromium on this machine")
        self.profile = tempfile.mkdtemp(prefix="haremq-browser-")
        # The browser reads 3 and writes 4; ours must not be these, or one would overwrite the other.
        inner_in, outer_in = (high(fd) for fd in os.pipe())
        outer_out, inner_out = (high(fd) for fd in os.pipe())
        sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []

        def put_in_place() -> None:
            os.dup2(inner_in, 3)
            os.dup2(inner_out, 4)

        self.process = subprocess.Popen(
            [binary, *FLAGS, *sandbox, f"--user-data-dir={self.profile}", "about:blank"],
            preexec_fn=put_in_place,
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(inner_in)
        os.close(inner_out)
        self.write_fd, self.read_fd = outer_in, outer_out
        self.rest = b""
        self.number = 0
        self.events: list[dict[str, Any]] = []

    def close(self) -> None:
        """Ends the browser and removes its profile."""
        for fd in (self.write_fd, self.read_fd):
            os.close(fd)
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(5)
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method: str, session: str | None = None, **params: Any) -> dict[str, Any]:
        """Asks and waits for the answer; events that come first are kept."""
        self.number += 1
        message: dict[str, Any] = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.write_fd, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self.receive(deadline)
            if answer.get("id") != self.number:
                self.events.append(answer)
                continue
            if "error" in answer:
                raise BrowserError(f"{method}: {answer['error'].get('message')}")
            return answer.get("result", {})

    def receive(self, deadline: float) -> dict[str, Any]:
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.read_fd], [], [], left)[0]:
                raise BrowserError("the browser does not answer")
            got = os.read(self.read_fd, 1 << 20)
            if not got:
                raise BrowserError("the browser has ended")
            self.rest += got
        message, _, self.rest = self.rest.partition(b"\0")
        return json.loads(message)

    def page(self, width: int = 1280, height: int = 900, dark: bool = False) -> Page:
        """A new page in a world of its own: no cookies, no choices of other pages."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        attached = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)
        page = Page(self, attached["sessionId"], target["targetId"], context)
        page.look(width, height, dark)
        return page


def high(fd: int) -> int:
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 20)
    os.close(fd)
    return moved


class Page:
    """One page. What a person sees is found by its text, label or role."""

    def __init__(self, browser: Chromium, session: str, target: str, context: str) -> None:
        self.browser, self.session, self.target, self.context = browser, session, target, context
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        return self.browser.call(method, self.session, **params)

    def close(self) -> None:
        self.browser.call("Target.closeTarget", targetId=self.target)
        self.browser.call("Target.disposeBrowserContext", browserContextId=self.context)

    def look(self, width: int, height: int, dark: bool) -> None:
        """The size of the window, and whether the system is dark."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=width < 500,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def go(self, url: str) -> None:
        self.call("Page.navigate", url=url)

    def run(self, script: str, *arguments: Any) -> Any:
        """The value of a function of the page, given as source text."""
        told = ", ".join(json.dumps(argument) for argument in arguments)
        answer = self.call(
            "Runtime.evaluate",
            expression=f"({script})({told})", returnByValue=True, awaitPromise=True,
        )
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            said = details.get("exception", {}).get("description") or details.get("text")
            raise BrowserError(f"{script}: {said}")
        return answer["result"].get("value")

    def until(self, what: str, check: Callable[[], Any], seconds: float = PATIENCE_SECONDS) -> Any:
        """Waits until `check` gives something; says what was on the page when it does not."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                found = check()
            except BrowserError:
                found = None
            if found:
                return found
            if time.monotonic() > deadline:
                raise BrowserError(f"waited for {what}; the page says:\n{self.text()}")
            time.sleep(WAIT_SECONDS)

    def text(self) -> str:
        """What a person can read."""
        return self.run("() => document.body.innerText") or ""

    def sees(self, text: str) -> None:
        """Waits until a person can read this."""
        self.until(f"the text {text!r}", lambda: text in self.text())

    def has(self, selector: str) -> bool:
        return bool(self.run("s => document.querySelector(s) !== null", selector))

    def count(self, selector: str) -> int:
        return int(self.run("s => document.querySelectorAll(s).length", selector))

    def click(self, text: str, inside: str = "body") -> None:
        """Presses the button, link or heading of a folded part that reads so."""
        script = """(text, inside) => {
            const all = document.querySelector(inside)?.querySelectorAll("button, a, summary, label") ?? [];
            const reads = (node) => [node.innerText, node.getAttribute("aria-label")]
                .some((said) => said?.trim() === text || said?.trim().startsWith(text + "\\n"));
            const found = [...all].find((node) => reads(node) && !node.disabled && node.checkVisibility());
            found?.scrollIntoView({ block: "center" });
            found?.click();
            return Boolean(found);
        }"""
        self.until(f"something to press that reads {text!r}", lambda: self.run(script, text, inside))

    def fill(self, label: str, value: str, inside: str = "body") -> None:
        """Writes into the field with this label, as typing would."""
        script = """(label, value, inside) => {
            const own = (node) => (node.labels?.[0]?.innerText ?? node.getAttribute("aria-label") ?? "").replace(/ \\*$/, "").trim();
            const all = document.querySelector(inside)?.querySelectorAll("input, select, textarea") ?? [];
            const found = [...all].find((node) => own(node) === label && node.checkVisibility());
            if (!found) return false;
            found.focus();
            found.value = value;
            found.dispatchEvent(new Event("input", { bubbles: true }));
            found.dispatchEvent(new Event("change", { bubbles: true }));
            return true;
        }"""
        self.until(f"a field {label!r}", lambda: self.run(script, label, value, inside))

    def press(self, key: str) -> None:
        """Presses a key for whatever has the focus."""
        text = key if len(key) == 1 else {"Enter": "\r"}.get(key)
        down = {"type": "keyDown", "key": key, **({"text": text} if text else {})}
        codes = {"Enter": 13, "Tab": 9, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39}
        if key in codes:
            down["windowsVirtualKeyCode"] = codes[key]
        self.call("Input.dispatchKeyEvent", **down)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def picture(self, path: Path, whole: bool = True) -> None:
        """A picture of the page, all of its length."""
        self.run("() => scrollTo(0, 0)")
        path.parent.mkdir(parents=True, exist_ok=True)
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(shot["data"]))

    def complaints(self) -> list[str]:
        """What the browser complained of: errors of scripts, and what the content policy kept out."""
        self.run("() => 0")
        said = []
        for event in self.browser.events:
            if event.get("sessionId") != self.session:
                continue
            params = event.get("params", {})
            if event["method"] == "Runtime.exceptionThrown":
                details = params["exceptionDetails"]
                said.append(details.get("exception", {}).get("description") or details["text"])
            elif event["method"] == "Log.entryAdded" and params["entry"]["level"] == "error":
                entry = params["entry"]
                # An answer such as 401 or 404 is the broker's, and shown by the page.
                if entry.get("source") != "network":
                    said.append(entry["text"])
            elif event["method"] == "Runtime.consoleAPICalled" and params["type"] == "error":
                said.append(" ".join(str(one.get("description") or one.get("value")) for one in params["args"]))
        return said
