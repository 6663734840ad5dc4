"""Answers that are shown sentence by sentence, as each is finished and proven."""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator
from dataclasses import replace
from types import TracebackType
from typing import Self

from assistant.chain import weigh
from assistant.errors import AssistantError
from assistant.rendering import mark_statement
from assistant.types import Answer, Statement, Usage


class AnswerStream:
    """An answer on its way: iterate for its text, sentence by sentence with citations resolved and checked.

    A sentence that its citations don't prove says so in the text. `answer` reads what hasn't been read. Closing it, or
    leaving it as a context manager, closes the connection to the model.
    """

    def __init__(
        self, statements: Generator[Statement, None, Answer], *, question: str, identify: Callable[[Answer], Answer]
    ) -> None:
        self._started = time.perf_counter()
        self._source = statements
        self._question = question
        self._identify = identify  # notes in what is settled so far what answered, and from what
        self._settled: list[Statement] = []
        self._answer: Answer | None = None

    def __iter__(self) -> Iterator[str]:
        for position, statement in enumerate(self.statements()):
            yield f"{' ' if position else ''}{mark_statement(statement)}"

    def statements(self) -> Iterator[Statement]:
        """Iterate for the statements themselves."""
        while True:
            try:
                self._settled.append(statement := next(self._source))
            except StopIteration as stopped:
                if stopped.value is not None:  # which it is when there was nothing left to read
                    self._answer = replace(stopped.value, seconds=time.perf_counter() - self._started)
                return
            yield statement

    @property
    def answer(self) -> Answer:
        """The whole answer. Raises AssistantError where the stream was closed before its end."""
        for _ in self.statements():
            pass
        if self._answer is None:
            raise _closed()
        return self._answer

    @property
    def has_settled(self) -> bool:
        """Whether any statement has been settled yet."""
        return bool(self._settled)

    @property
    def so_far(self) -> Answer:
        """What has been settled, as an answer, where the stream broke off or was stopped.

        What was found and written by then is in it; its usage is what the model's service has said of it.
        """
        supported = [statement.text for statement in self._settled if statement.support.supported]
        cited = {each.number: each for statement in self._settled for each in statement.citations}
        answer = Answer(
            question=self._question,
            text=" ".join(supported),
            statements=tuple(self._settled),
            citations=tuple(citation for _, citation in sorted(cited.items())),
            abstained=not self._settled,
            confidence=weigh(self._settled),
            retrieved=(),
            model="",
            usage=Usage(None, None, None),
            seconds=time.perf_counter() - self._started,
        )
        return self._identify(answer)

    def close(self) -> None:
        """Stop; closing twice, or after the end, is fine."""
        self._source.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class AsyncAnswerStream:
    """The same for `async for`; `answer` is there after the last sentence. Cancelling closes the connection."""

    def __init__(self, source: AsyncGenerator[Statement | Answer, None]) -> None:
        self._started = time.perf_counter()
        self._source = source
        self._answer: Answer | None = None

    async def __aiter__(self) -> AsyncIterator[str]:
        position = 0
        async for statement in self.statements():
            yield f"{' ' if position else ''}{mark_statement(statement)}"
            position += 1

    async def statements(self) -> AsyncIterator[Statement]:
        """Iterate for the statements themselves."""
        async for each in self._source:
            if isinstance(each, Answer):
                self._answer = replace(each, seconds=time.perf_counter() - self._started)
            else:
                yield each

    @property
    def answer(self) -> Answer:
        """The whole answer. Raises AssistantError before the last sentence has been read."""
        if self._answer is None:
            raise _closed()
        return self._answer

    async def aclose(self) -> None:
        """Stop; closing twice, or after the end, is fine."""
        await self._source.aclose()


def _closed() -> AssistantError:
    return AssistantError("the answer wasn't read to its end; iterate over the stream first")
