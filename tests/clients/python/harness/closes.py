"""Sees the close methods of the broker whole: pika's exceptions leave out class and method id."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pika import spec


@dataclass(frozen=True)
class Close:
    """A channel.close or connection.close as the broker sent it."""

    scope: str
    code: int
    text: str
    method: tuple[int, int]


class CloseRecorder:
    """All closes received since the start of the test, in order."""

    def __init__(self) -> None:
        self.seen: list[Close] = []

    @classmethod
    def install(cls, monkeypatch: pytest.MonkeyPatch) -> CloseRecorder:
        recorder = cls()
        for scope, method in (
            ("channel", spec.Channel.Close),
            ("connection", spec.Connection.Close),
        ):
            monkeypatch.setattr(method, "decode", recorder._decoder(scope, method.decode))
        return recorder

    def _decoder(self, scope: str, decode: Callable[..., Any]) -> Callable[..., Any]:
        def decode_and_keep(method: Any, encoded: bytes, offset: int = 0) -> Any:
            result = decode(method, encoded, offset)
            ids = (method.class_id, method.method_id)
            self.seen.append(Close(scope, method.reply_code, method.reply_text, ids))
            return result

        return decode_and_keep
