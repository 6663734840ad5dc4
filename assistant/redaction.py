"""Takes keys and passwords out of what a server says, before anybody is shown it."""

from collections.abc import Iterable, Iterator

MAX_REASON_CHARACTERS = 200
MAX_READ_CHARACTERS = 10_000  # of a message, for what comes after is never shown
SECRET_PART = 6  # characters of a key, of which a word is taken to repeat it


def redact(message: str, secrets: Iterable[str | None]) -> str:
    """Make a server's message one short line without control characters and without any of the secrets."""
    line = "".join(
        character for character in " ".join(message[:MAX_READ_CHARACTERS].split()) if character.isprintable()
    )
    for secret in filter(None, secrets):
        line = line.replace(secret, "***")
        # A server may repeat a part only, to say which key it means.
        parts = set(_list_parts(secret))
        words = (word if parts.isdisjoint(_list_parts(word)) else "***" for word in line.split(" "))
        line = " ".join(words)
    return line[:MAX_REASON_CHARACTERS]


def _list_parts(text: str) -> Iterator[str]:
    return (text[start : start + SECRET_PART] for start in range(len(text) - SECRET_PART + 1))
