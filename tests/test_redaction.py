import pytest

from assistant.redaction import MAX_REASON_CHARACTERS, redact

SECRET = "token-of-the-desk"


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("it broke", "it broke"),
        ("it\n broke\x1b[2J\u202e", "it broke[2J"),
        (f"bad token Bearer {SECRET}.", "bad token Bearer ***."),
        (f"no {SECRET[:7]}... here", "no *** here"),
        (f"https://elsewhere.example/?t={SECRET[3:]}", "***"),
        ("pw", "***"),
    ],
)
def test_what_a_server_says_is_one_line_without_secrets(message: str, shown: str) -> None:
    assert redact(message, (SECRET, None, "pw")) == shown


def test_a_long_message_is_cut_and_no_secret_is_left_at_the_cut() -> None:
    message = "a" * 9_990 + SECRET

    assert redact(message, (SECRET,)) == "***"
    assert redact("a" * 9_999, (SECRET,)) == "a" * MAX_REASON_CHARACTERS
