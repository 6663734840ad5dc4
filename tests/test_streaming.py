from collections.abc import AsyncGenerator, Generator
from dataclasses import replace

import pytest

from assistant.errors import AssistantError
from assistant.streaming import AnswerStream, AsyncAnswerStream
from assistant.types import Answer, Article, Citation, Statement, Support, Usage

LAMB = Article(id="lamb", title="Lamb follows girl", text="Mary had a little lamb.")
QUOTE = Citation(1, LAMB.ref, 0, 23, LAMB.text, 0)
TRUE = Statement("Mary had a lamb.", (QUOTE,), Support(0.9, True))
FALSE = Statement("It was black.", (), Support(0.0, False, ("it cites nothing",)), ("[9]",))
ANSWER = Answer("What?", TRUE.text, (TRUE, FALSE), (QUOTE,), False, 0.45, (), "tiny", Usage(), 0.0)
TEXT = [
    "Mary had a lamb. [1]",
    " (UNSUPPORTED: It was black. -- it cites nothing. [9] names nothing that was shown.)",
]


def make_source(log: list[str]) -> Generator[Statement, None, Answer]:
    try:
        yield TRUE
        yield FALSE
        return ANSWER
    finally:
        log.append("closed")


async def make_async_source(log: list[str]) -> AsyncGenerator[Statement | Answer, None]:
    try:
        yield TRUE
        yield FALSE
        yield ANSWER
    finally:
        log.append("closed")


def open_stream(log: list[str]) -> AnswerStream:
    def identify(answer: Answer) -> Answer:
        return replace(answer, model=ANSWER.model)

    return AnswerStream(make_source(log), question=ANSWER.question, identify=identify)


def test_the_text_says_what_is_not_supported() -> None:
    stream = open_stream([])

    assert list(stream) == TEXT
    assert stream.answer.statements == ANSWER.statements
    assert stream.answer.seconds > 0
    assert list(stream) == []


def test_the_answer_reads_what_was_not_read() -> None:
    stream = open_stream([])

    assert next(iter(stream.statements())) is TRUE
    assert stream.answer.text == TRUE.text


def test_leaving_a_stream_closes_its_source() -> None:
    log: list[str] = []

    with open_stream(log) as stream:
        assert next(iter(stream)) == TEXT[0]

    assert log == ["closed"]
    with pytest.raises(AssistantError, match="wasn't read to its end"):
        _ = stream.answer
    stream.close()


def test_what_is_settled_so_far_is_an_answer() -> None:
    stream = open_stream([])
    assert (stream.so_far.abstained, stream.so_far.text) == (True, "")

    next(stream.statements())
    so_far = stream.so_far

    assert (so_far.question, so_far.model, so_far.abstained) == (ANSWER.question, ANSWER.model, False)
    assert (so_far.text, so_far.statements, so_far.citations) == (TRUE.text, (TRUE,), TRUE.citations)
    assert so_far.confidence == TRUE.support.score
    assert list(stream.statements()) == [FALSE]
    assert stream.so_far.text == TRUE.text
    assert stream.answer.text == ANSWER.text


async def test_an_async_stream_is_the_same() -> None:
    log: list[str] = []
    stream = AsyncAnswerStream(make_async_source(log))

    with pytest.raises(AssistantError, match="wasn't read to its end"):
        _ = stream.answer
    assert [piece async for piece in stream] == TEXT
    assert stream.answer.statements == ANSWER.statements
    assert log == ["closed"]


async def test_closing_an_async_stream_closes_its_source() -> None:
    log: list[str] = []
    stream = AsyncAnswerStream(make_async_source(log))

    statements = stream.statements()
    assert await anext(statements) is TRUE  # type: ignore[arg-type]
    await statements.aclose()  # type: ignore[attr-defined]
    await stream.aclose()

    assert log == ["closed"]
