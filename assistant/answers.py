"""Answers as JSON, and back without loss: what `ask --json` prints, what conversations keep, and what files export.

What is read is never trusted: every field is checked, and a file of anything else is refused in one line that names the
place. Fields that aren't known here are passed over, for a later version may have more.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar, cast, get_args

from assistant.errors import AnswerError
from assistant.types import (
    Answer,
    ArticleHash,
    ArticleRef,
    Citation,
    Conversation,
    Flag,
    Passage,
    RetrievedPassage,
    ScoreParts,
    Span,
    Statement,
    Support,
    Understood,
    Usage,
)

# Of a file of answers. A conversation of 200 turns about articles in Chinese, each character of it escaped, has 10 MB;
# what is read takes some twenty times that in memory, if it is made to.
MAX_BYTES = 32_000_000
MAX_WHOLE = 2**53  # from which on not every program that reads JSON has whole numbers exactly

_Read = TypeVar("_Read")


# Writing -------------------------------------------------------------------------------------------------------------


def answer_to_json(answer: Answer) -> dict[str, Any]:
    """Turn an answer into what `ask --json` prints."""
    return {
        "question": answer.question,
        "understood": [understood_to_json(each) for each in answer.understood],
        "standalone_question": answer.standalone_question,
        "answer": answer.text,
        "abstained": answer.abstained,
        "confidence": answer.confidence,
        "model": answer.model,
        "statements": [
            {
                "text": statement.text,
                "citations": [citation.number for citation in statement.citations],
                "supported": statement.support.supported,
                "support": {"score": statement.support.score, "reasons": list(statement.support.reasons)},
                "unresolved": list(statement.unresolved),
                "sources": list(statement.sources),
            }
            for statement in answer.statements
        ],
        "citations": [citation_to_json(citation) for citation in answer.citations],
        "retrieved": [passage_to_json(retrieved, explain=True) for retrieved in answer.retrieved],
        "written": answer.written,
        "notes": list(answer.notes),
        "usage": asdict(answer.usage),
        "seconds": answer.seconds,
        "hashes": [hash._asdict() for hash in answer.hashes],
        "prompts": answer.prompts,
        "verifier": answer.verifier,
    }


def conversation_to_json(conversation: Conversation) -> dict[str, Any]:
    """Turn a conversation into what is exported of it: its turns, and the answers of those that have one still."""
    return {
        "conversation": {
            "id": conversation.id,
            "started": conversation.started.isoformat(),
            "turns": [
                {
                    "number": turn.number,
                    "asked": turn.asked.isoformat(),
                    "question": turn.question,
                    "forgotten": turn.answer is None,
                }
                for turn in conversation.turns
            ],
        },
        "answers": [answer_to_json(turn.answer) for turn in conversation.turns if turn.answer],
    }


def citation_to_json(citation: Citation) -> dict[str, Any]:
    """Turn a citation into JSON's types."""
    return {
        "number": citation.number,
        **article_to_json(citation.article),
        "start": citation.start,
        "end": citation.end,
        "quote": citation.quote,
        "context_start": citation.context_start,
        "also_in": [article_to_json(copy) for copy in citation.also_in],
        "flags": list(citation.flags),
    }


def understood_to_json(understood: Understood) -> dict[str, Any]:
    """Turn how a question was read into JSON's types."""
    return {
        "text": understood.text,
        "since": understood.since.isoformat() if understood.since else None,
        "until": understood.until.isoformat() if understood.until else None,
        "is_filter": understood.is_filter,
    }


def passage_to_json(retrieved: RetrievedPassage, *, explain: bool = False) -> dict[str, Any]:
    """Turn a retrieved passage into what `search --json` prints; explained, with the parts of its score."""
    passage = retrieved.passage
    parts = {"parts": asdict(retrieved.parts)} if explain and retrieved.parts else {}
    return {
        **article_to_json(retrieved.article),
        "start": passage.start,
        "end": passage.end,
        "text": passage.text,
        "sentences": [list(span) for span in passage.sentences],
        "score": retrieved.score,
        **parts,
    }


def article_to_json(article: ArticleRef) -> dict[str, Any]:
    """Turn what identifies an article into JSON's types."""
    return {
        "article_id": article.id,
        "title": article.title,
        "outlet": article.outlet,
        "author": article.author,
        "published": article.published.isoformat() if article.published else None,
        "url": article.url,
    }


# Reading -------------------------------------------------------------------------------------------------------------


def read_answers(path: Path) -> tuple[Answer, ...]:
    """Read the answers of a file: what `ask --json` or `ask --questions` printed, or an exported conversation.

    The file "-" is standard input. Of a file of JSON lines, those that say what failed are passed over. Raises
    AnswerError for anything else.
    """
    is_piped = str(path) == "-" and sys.stdin is not None
    data = sys.stdin.buffer.read(MAX_BYTES + 1) if is_piped else _read_bytes(path)
    try:
        if len(data) > MAX_BYTES:
            raise AnswerError(f"larger than {MAX_BYTES:,} bytes; check its answers in several files")
        return _read_document(data)
    except AnswerError as error:
        name = "standard input" if is_piped else path
        raise AnswerError(f"{name}: no answers as the assistant writes them: {error}") from None


def read_conversation_id(path: Path) -> str | None:
    """Read which conversation a file holds that was exported; None where it holds anything else, or is too large.

    Raises AnswerError where it can't be read.
    """
    data = _read_bytes(path)
    if len(data) > MAX_BYTES:
        return None
    try:
        document = _Fields(parse_json(data, "it"), "it")
        document.list("answers", read_answer)
        return document.fields("conversation").text("id")
    except AnswerError:
        return None


def _read_bytes(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)
    except OSError as error:
        raise AnswerError(f"{path}: can't be read ({error.strerror or error})") from error
    except ValueError:  # a NUL in the name
        raise AnswerError(f"{str(path)!r} is no name of a file") from None


def _read_document(data: bytes) -> tuple[Answer, ...]:
    lines = [(number, line) for number, line in enumerate(data.split(b"\n"), start=1) if line.strip()]
    if not lines:
        raise AnswerError("it is empty")
    if len(lines) > 1 and _is_json(lines[0][1]):
        read = []
        for number, line in lines:
            value = parse_json(line, f"line {number}")
            if not (isinstance(value, dict) and "error" in value and "answer" not in value):
                read.append(read_answer(value, place=f"line {number}"))
        return tuple(read)
    value = parse_json(data, "it")
    if isinstance(value, dict) and "conversation" in value:
        return tuple(_Fields(value, "it").list("answers", read_answer))
    return (read_answer(value, place="it"),)


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line, "")
    except AnswerError:
        return False
    return True


def parse_json(data: bytes | str, place: str) -> object:
    """Parse JSON as its standard has it, without NaN or Infinity. Raises AnswerError, which begins with the place."""

    def refuse(constant: str) -> object:
        raise ValueError(constant)

    try:
        text = data if isinstance(data, str) else data.decode("utf-8-sig")
        value: object = json.loads(text, parse_constant=refuse)
    except UnicodeDecodeError:
        raise AnswerError(f"{place} is no text in UTF-8") from None
    except (ValueError, RecursionError):
        raise AnswerError(f"{place} is no JSON") from None
    return value


def read_answer(value: object, *, place: str = "the answer") -> Answer:
    """Make an answer of what `answer_to_json` made of one, so that the two are equal.

    `place` is what an error calls it. Raises AnswerError where it holds anything that no answer does.
    """
    read = _Fields(value, place)
    citations = read.list("citations", _read_citation)
    numbered = {citation.number: citation for citation in citations}
    if len(numbered) < len(citations):
        raise AnswerError(f"{place}.citations has a number twice")

    def read_statement(value: object, place: str) -> Statement:
        statement = _Fields(value, place)
        numbers = statement.list("citations", _read_whole)
        lost = next((number for number in numbers if number not in numbered), None)
        if lost is not None:
            raise AnswerError(f"{place}.citations names {lost}, and there is no such citation")
        support = statement.fields("support")
        return Statement(
            statement.text("text"),
            tuple(numbered[number] for number in numbers),
            Support(support.share("score"), statement.flag("supported"), support.texts("reasons")),
            statement.texts("unresolved"),
            statement.texts("sources", is_optional=True),
        )

    answer = Answer(
        question=read.text("question"),
        text=read.text("answer"),
        statements=tuple(read.list("statements", read_statement)),
        citations=tuple(citations),
        abstained=read.flag("abstained"),
        confidence=read.share("confidence"),
        retrieved=tuple(read.list("retrieved", _read_retrieved)),
        model=read.text("model"),
        usage=_read_usage(read.fields("usage")),
        seconds=read.number("seconds"),
        understood=tuple(read.list("understood", _read_understood)),
        written=read.text("written"),
        standalone_question=read.text_or_none("standalone_question"),
        notes=read.texts("notes"),
        hashes=tuple(read.list("hashes", _read_hash, is_optional=True)),
        prompts=read.text("prompts", default=""),
        verifier=read.text("verifier", default=""),
    )
    if answer.abstained and (answer.statements or answer.citations):
        raise AnswerError(f"{place} says that it abstained, and has statements or citations")
    return answer


class _Fields:
    """The fields of one JSON object, each read as what it has to be; an error names its place."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise AnswerError(f"{place} is no JSON object")
        self._value = value
        self._place = place

    def get(self, name: str) -> object:
        if name not in self._value:
            raise AnswerError(f"{self._place} has no {name!r}")
        return self._value[name]

    def refuse(self, name: str, what: str) -> AnswerError:
        return AnswerError(f"{self._place}.{name} is no {what}")

    def has(self, name: str) -> bool:
        return name in self._value

    def text(self, name: str, *, default: str | None = None) -> str:
        if default is not None and name not in self._value:
            return default
        return _read_text(self.get(name), f"{self._place}.{name}")

    def text_or_none(self, name: str) -> str | None:
        return None if self.get(name) is None else self.text(name)

    def texts(self, name: str, *, is_optional: bool = False) -> tuple[str, ...]:
        return tuple(self.list(name, _read_text, is_optional=is_optional))

    def flag(self, name: str) -> bool:
        value = self.get(name)
        if not isinstance(value, bool):
            raise self.refuse(name, "true or false")
        return value

    def whole(self, name: str) -> int:
        return _read_whole(self.get(name), f"{self._place}.{name}")

    def whole_or_none(self, name: str) -> int | None:
        return None if self.get(name) is None else self.whole(name)

    def number(self, name: str) -> float:
        value = self.get(name)
        # A whole number of any length is one to JSON, and none that a float can hold.
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= sys.float_info.max:
            raise self.refuse(name, "number")
        return float(value)

    def share(self, name: str) -> float:
        value = self.number(name)
        if not 0 <= value <= 1:
            raise self.refuse(name, "number from 0 to 1")
        return value

    def time_or_none(self, name: str) -> datetime | None:
        text = self.text_or_none(name)
        if text is None:
            return None
        try:
            time = datetime.fromisoformat(text)
        except ValueError:
            raise self.refuse(name, "time") from None
        if time.tzinfo is None:
            raise self.refuse(name, "time with a time zone")
        return time

    def day_or_none(self, name: str) -> date | None:
        text = self.text_or_none(name)
        try:
            return None if text is None else date.fromisoformat(text)
        except ValueError:
            raise self.refuse(name, "day") from None

    def fields(self, name: str) -> "_Fields":
        return _Fields(self.get(name), f"{self._place}.{name}")

    def list(self, name: str, read: Callable[..., _Read], *, is_optional: bool = False) -> list[_Read]:
        if is_optional and name not in self._value:
            return []
        value = self.get(name)
        if not isinstance(value, list):
            raise self.refuse(name, "list")
        return [read(each, place=f"{self._place}.{name}[{position}]") for position, each in enumerate(value)]


def _read_text(value: object, place: str) -> str:
    if not isinstance(value, str):
        raise AnswerError(f"{place} is no text")
    return value


def _read_whole(value: object, place: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < MAX_WHOLE:
        raise AnswerError(f"{place} is no whole number that can be")
    return value


def _read_article(read: _Fields) -> ArticleRef:
    article = ArticleRef(
        read.text("article_id"),
        read.text("title"),
        read.text_or_none("outlet"),
        read.text_or_none("author"),
        read.time_or_none("published"),
        read.text_or_none("url"),
    )
    try:
        article.id.encode()
    except UnicodeEncodeError:  # half of a surrogate pair
        raise read.refuse("article_id", "id that an article can have") from None
    return article


def _read_citation(value: object, place: str) -> Citation:
    read = _Fields(value, place)
    citation = Citation(
        read.whole("number"),
        _read_article(read),
        read.whole("start"),
        read.whole("end"),
        read.text("quote"),
        read.whole("context_start"),
        tuple(read.list("also_in", _read_copy)),
        tuple(read.list("flags", _read_flag, is_optional=True)),
    )
    if not citation.context_start <= citation.start < citation.end:
        raise AnswerError(
            f"{place} has offsets that can't be: {citation.context_start}, {citation.start}, {citation.end}"
        )
    return citation


def _read_copy(value: object, place: str) -> ArticleRef:
    return _read_article(_Fields(value, place))


def _read_flag(value: object, place: str) -> Flag:
    if value not in get_args(Flag):
        raise AnswerError(f"{place} is no flag of a quote")
    return cast(Flag, value)


def _read_retrieved(value: object, place: str) -> RetrievedPassage:
    read = _Fields(value, place)
    article = _read_article(read)
    sentences = tuple(read.list("sentences", _read_span, is_optional=True))
    passage = Passage(article.id, read.whole("start"), read.whole("end"), read.text("text"), sentences)
    parts = _read_parts(read.fields("parts")) if read.has("parts") else None
    return RetrievedPassage(passage, read.number("score"), article, parts)


def _read_span(value: object, place: str) -> Span:
    if not isinstance(value, list) or len(value) != 2:
        raise AnswerError(f"{place} is no pair of offsets")
    return Span(*(_read_whole(each, place) for each in value))


def _read_parts(read: _Fields) -> ScoreParts:
    return ScoreParts(**{part.name: read.number(part.name) for part in fields(ScoreParts)})


def _read_understood(value: object, place: str) -> Understood:
    read = _Fields(value, place)
    since, until = read.day_or_none("since"), read.day_or_none("until")
    return Understood(read.text("text"), since, until, read.flag("is_filter"))


def _read_usage(read: _Fields) -> Usage:
    cost = None if read.get("cost") is None else read.number("cost")
    return Usage(read.whole_or_none("prompt_tokens"), read.whole_or_none("completion_tokens"), cost)


def _read_hash(value: object, place: str) -> ArticleHash:
    read = _Fields(value, place)
    return ArticleHash(read.text("article_id"), read.text("sha256"))
