from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistant.redaction import (
    MAX_HELD,
    MAX_REASON_CHARACTERS,
    SECRET_PART,
    Redaction,
    choose_secrets,
    hide,
    redact,
)

KEY = "sk-canary-Zq7RkW2mPx94TtLbVn83"
SECRETS = (KEY, "hunter-Xw81pQ")


@settings(max_examples=40)
@given(
    st.lists(st.one_of(st.sampled_from(["s", "The key is ", " sk-", *SECRETS]), st.text(KEY + " ", max_size=12))),
    st.lists(st.integers(0, 300)),
)
def test_no_part_of_a_secret_is_left_however_it_is_cut_and_the_rest_is(pieces: list[str], cuts: list[int]) -> None:
    text = "".join(pieces)
    places = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    redaction = Redaction(SECRETS)

    shown = "".join(redaction.feed(text[start:stop]) for start, stop in pairwise(places))
    shown += redaction.finish()

    assert shown == hide(text, SECRETS)
    parts = [secret[start : start + SECRET_PART] for secret in SECRETS for start in range(len(secret) - SECRET_PART)]
    assert not any(part in shown for part in parts)
    assert "***" in shown or shown == text


def test_what_is_no_part_of_a_secret_is_given_at_once() -> None:
    redaction = Redaction(SECRETS)

    assert redaction.feed("The bridge reopened") == "The bridge reopened"
    assert redaction.feed(" on a task") == " on a ta"
    assert redaction.feed(", sk") == "sk, "
    assert redaction.feed(KEY[2:20]) == ""
    assert redaction.feed(". Then") == "***. The"
    assert redaction.finish() == "n"


def test_a_key_without_end_is_held_back_to_a_bound() -> None:
    redaction = Redaction(("a" * 20 + "1",))

    assert {redaction.feed("a" * 100) for _ in range(100)} == {"", "***"}
    assert len(redaction.held) <= MAX_HELD


@pytest.mark.parametrize("word", ["ollama", "not-needed", "lm-studio", "EMPTY", "1234", None, ""])
def test_a_word_is_no_secret_which_a_reply_may_say_itself(word: str | None) -> None:
    assert choose_secrets((word, KEY)) == (KEY,)


TOKEN = "token-of-the-desk"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("it broke", "it broke"),
        ("it\n broke\x1b[2J\u202e", "it broke[2J"),
        (f"bad token Bearer {TOKEN}.", "bad token Bearer ***."),
        (f"no {TOKEN[:7]}... here", "no *** here"),
        (f"https://elsewhere.example/?t={TOKEN[3:]}", "***"),
        ("pw", "***"),
    ],
)
def test_what_a_server_says_is_one_line_without_secrets(message: str, shown: str) -> None:
    assert redact(message, (TOKEN, None, "pw")) == shown


def test_a_long_message_is_cut_and_no_secret_is_left_at_the_cut() -> None:
    message = "a" * 9_990 + TOKEN

    assert redact(message, (TOKEN,)) == "***"
    assert redact("a" * 9_999, (TOKEN,)) == "a" * MAX_REASON_CHARACTERS
