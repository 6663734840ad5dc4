"""Takes keys and passwords out of what a server says, which may repeat what it was sent: its errors and its replies."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MAX_REASON_CHARACTERS = 200
MAX_READ_CHARACTERS = 10_000  # of a message, for what comes after is never shown
LIKELY_PART = 6  # characters of a key, of which a word of an error is taken to repeat it
SECRET_PART = 8  # characters of a secret in a row, which no text has by chance
MAX_HELD = 1_000  # characters that are held back, so that a server that repeats a key for ever fills no memory
HIDDEN = "***"

_WORD = re.compile(r"[a-z-]{0,15}")  # what servers of one's own take for a key is a word: "ollama", "not-needed"


def redact(message: str, secrets: Iterable[str | None]) -> str:
    """Make a server's message one short line without control characters and without any of the secrets."""
    line = "".join(
        character for character in " ".join(message[:MAX_READ_CHARACTERS].split()) if character.isprintable()
    )
    for secret in filter(None, secrets):
        line = line.replace(secret, HIDDEN)
        # A server may repeat a part only, to say which key it means.
        parts = set(_list_parts(secret))
        words = (word if parts.isdisjoint(_list_parts(word)) else HIDDEN for word in line.split(" "))
        line = " ".join(words)
    return line[:MAX_REASON_CHARACTERS]


def _list_parts(text: str) -> Iterator[str]:
    return (text[start : start + LIKELY_PART] for start in range(len(text) - LIKELY_PART + 1))


def choose_secrets(values: Iterable[str | None]) -> tuple[str, ...]:
    """Choose what has to be hidden wherever it stands: no short one, and no word, which a reply may say itself."""
    return tuple(value for value in values if value and len(value) >= SECRET_PART and not _WORD.fullmatch(value))


def hide(text: str, secrets: tuple[str, ...]) -> str:
    """Hide secrets in a text that is there as a whole."""
    redaction = Redaction(secrets)
    return redaction.feed(text) + redaction.finish()


@dataclass(slots=True)
class Redaction:
    """Hides secrets, and every part of one of SECRET_PART characters or more, in a text that comes in pieces.

    Held back is only what may be the beginning of one: the end of a piece that is found in a secret.
    """

    secrets: tuple[str, ...]
    held: str = ""
    _parts: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._parts = frozenset(
            secret[start : start + SECRET_PART]
            for secret in self.secrets
            for start in range(len(secret) - SECRET_PART + 1)
        )

    def feed(self, piece: str) -> str:
        """Take a piece, and give what can be shown of all that has come."""
        if not self.secrets:
            return piece
        text = self.held + piece
        runs = self._find_runs(text)
        end = len(text) - self._measure_tail(text)
        if runs and runs[-1][1] > end and len(text) - runs[-1][0] <= MAX_HELD:  # it may go on
            end = runs.pop()[0]
        elif runs:
            end = max(end, runs[-1][1])
        shown, position = [], 0
        for start, stop in runs:
            shown += [text[position:start], HIDDEN]
            position = stop
        self.held = text[end:]
        return "".join((*shown, text[position:end]))

    def finish(self) -> str:
        """Give what was held back, as no more comes."""
        text, self.held = self.held, ""
        for start, stop in reversed(self._find_runs(text)):
            text = f"{text[:start]}{HIDDEN}{text[stop:]}"
        return text

    def _find_runs(self, text: str) -> list[tuple[int, int]]:
        """Find the stretches, apart from each other, that are made of parts of secrets."""
        runs: list[tuple[int, int]] = []
        for start in range(len(text) - SECRET_PART + 1):
            if text[start : start + SECRET_PART] in self._parts:
                first = runs.pop()[0] if runs and start < runs[-1][1] else start
                runs.append((first, start + SECRET_PART))
        return runs

    def _measure_tail(self, text: str) -> int:
        """Measure the longest end of a text, too short to be a part, that is found in a secret."""
        for length in range(min(SECRET_PART - 1, len(text)), 0, -1):
            if any(text[-length:] in secret for secret in self.secrets):
                return length
        return 0
