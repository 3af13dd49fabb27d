# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence

import pytest

from debstack.base.errors import DebstackError
from debstack.base.run import Result
from debstack.runtime import debconf_adapter
from debstack.runtime.debconf_adapter import (
    CommunicateChannel,
    Reply,
    clear_passwords,
    escape,
    parse_reply,
    read_answers,
    unescape,
    write_answers,
)
from debstack.runtime.take import DebconfAnswer


class FakeChannel:
    """debconf with a few questions."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.sent: list[str] = []

    def exchange(self, commands: Sequence[str]) -> list[Reply]:
        self.sent += commands
        replies = []
        for command in commands:
            verb, _, rest = command.partition(" ")
            name = rest.partition(" ")[0]
            if verb == "GET":
                known = name in self.values
                replies.append(Reply(1, self.values[name]) if known else Reply(10, "doesn't exist"))
            else:
                replies.append(Reply(0, "true"))
        return replies


def test_known_questions_are_read_and_others_passed_over() -> None:
    channel = FakeChannel({"a/b": "x"})
    assert read_answers(channel, ["a/b", "c/d"]) == {"a/b": DebconfAnswer(value="x", seen=True)}
    assert channel.sent[0] == "CAPB escape"
    assert channel.sent[-1] == "CAPB"


def test_values_are_sent_as_one_word() -> None:
    channel = FakeChannel({})
    write_answers(channel, {"a/b": "two  words", "c/d": None})
    assert channel.sent[1:-1] == ["SET a/b two\\ \\ words", "FSET a/b seen true", "RESET c/d"]


def test_passwords_are_emptied() -> None:
    channel = FakeChannel({})
    clear_passwords(channel, ["a/password"])
    assert channel.sent == ["SET a/password"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("plain", "plain"), ("a\\\\b", "a\\b"), ("a\\nb", "a\nb"), ("a\\\\nb", "a\\nb")],
)
def test_escaped_replies(text: str, value: str) -> None:
    assert unescape(text) == value
    assert parse_reply(f"1 {text}") == Reply(1, value)
    assert parse_reply(f"0 {text}") == Reply(0, text)
    assert unescape(escape(value).replace("\\ ", " ")) == value


def test_what_is_no_reply_is_an_error_that_shows_nothing_of_it() -> None:
    with pytest.raises(DebstackError) as caught:
        parse_reply("hidden words")
    assert "hidden" not in caught.value.message


def test_a_database_in_use_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    locked = Result(code=1, stdout="", stderr="debconf: DbDriver: config.dat is locked\n")
    monkeypatch.setattr(debconf_adapter, "run", lambda *_args, **_options: locked)
    with pytest.raises(DebstackError, match="is locked"):
        CommunicateChannel().exchange(["GET a/b"])


def test_no_frontend_without_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DEBIAN_HAS_FRONTEND", raising=False)
    assert debconf_adapter.frontend() is None
