"""Reads questions line by line, from a file or a pipe: a JSON object, a JSON string or plain text a line.

A line that can't be read is data, as in `assistant ask --questions`: it is said in its place, and the next one is read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from assistant.answers import parse_json
from assistant.errors import AnswerError

MAX_LINE_BYTES = 100_000  # a question is shorter by far
FIELDS = ("question", "outlet", "since", "until", "id")
_JSON_STARTS = (b"{", b"[", b'"')


@dataclass(frozen=True, slots=True)
class AskedQuestion:
    """A line of a file of questions; `problem` says, in one line, why it can't be asked, and `id` is the asker's own.

    `outlet`, `since` and `until` are as in `Assistant.ask`.
    """

    question: str | None
    outlet: str | None = None
    since: str | None = None
    until: str | None = None
    id: str | int | None = None
    problem: str | None = None


def read_questions(file: IO[bytes]) -> Iterator[AskedQuestion]:
    """Read the questions of a file as they come, in order; empty lines are passed over."""
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            while not line.endswith(b"\n") and (line := file.readline(MAX_LINE_BYTES)):
                pass
            yield AskedQuestion(None, problem=f"line {number} is longer than {MAX_LINE_BYTES:,} bytes")
        elif stripped := line.removeprefix(b"\xef\xbb\xbf").strip():
            yield _read_line(stripped, f"line {number}")


def _read_line(line: bytes, place: str) -> AskedQuestion:
    if not line.startswith(_JSON_STARTS):
        try:
            return AskedQuestion(line.decode())
        except UnicodeDecodeError:
            return AskedQuestion(None, problem=f"{place} is no text in UTF-8")
    try:
        value = parse_json(line, place)
    except AnswerError as error:
        return AskedQuestion(None, problem=str(error))
    if isinstance(value, str):
        return AskedQuestion(value)
    if not isinstance(value, dict):
        return AskedQuestion(None, problem=f"{place} is neither a question nor an object with one")
    question, id = value.get("question"), value.get("id")
    question = question if isinstance(question, str) else None
    id = id if isinstance(id, str | int) and not isinstance(id, bool) else None
    unknown = next((name for name in value if name not in FIELDS), None)
    wrong = next((name for name in FIELDS if not _is_right(name, value.get(name))), None)
    if unknown is not None:
        problem = f"{place} has an unknown field {unknown!r}; there are {', '.join(FIELDS)}"
    elif wrong is not None:
        problem = f"{place}: its {wrong} is no text"
    else:
        return AskedQuestion(question, value.get("outlet"), value.get("since"), value.get("until"), id)
    return AskedQuestion(question, id=id, problem=problem)


def _is_right(name: str, value: object) -> bool:
    if name == "question":
        return isinstance(value, str)
    if name == "id":
        return value is None or (isinstance(value, str | int) and not isinstance(value, bool))
    return value is None or isinstance(value, str)
