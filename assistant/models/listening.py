"""Listens to a model's server for no longer than it has something to say, and to no other host than was meant."""

import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import httpx2

from assistant.errors import ModelError

MAX_REPLY_BYTES = 50_000_000  # the vectors of one request, the longest reply there is, have a third of that
# What a model thinks is something that it says, though no part of its answer; clients leave it out.
_THOUGHT = re.compile(rb'"reasoning(?:_content)?":\s*"[^"]')
_NO_QUOTA = b"insufficient_quota"


class Patience:
    """How long a server is waited for until it says a word: so many seconds from the last one.

    Bytes alone don't count, for a server can send signs of life for ever.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._until = 0.0
        self.renew()

    def renew(self) -> None:
        """Begin to wait for the next word."""
        self._until = time.monotonic() + self._seconds

    def excuse(self, seconds: float) -> None:
        """Wait so much longer: it was the reader who took this time, as to have a sentence verified."""
        self._until += seconds

    def check(self) -> None:
        """Raise TimeoutError where it is at its end."""
        if time.monotonic() > self._until:
            raise TimeoutError

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Have the requests that are made in the block, in this thread or task, waited for with it."""
        token = _LENT.set(self)
        try:
            yield
        finally:
            _LENT.reset(token)


_LENT: ContextVar[Patience | None] = ContextVar("patience", default=None)


def make_hook(host: str, timeout_seconds: float) -> Callable[[httpx2.Response], None]:
    """Make the hook of an HTTP client that listens to its responses."""

    def listen(response: httpx2.Response) -> None:
        if response.status_code == 429:
            response.read()
            _mark_final(response)
        elif isinstance(response.stream, httpx2.SyncByteStream):
            response.stream = _Heard(response.stream, _Listener(host, timeout_seconds))

    return listen


def make_async_hook(host: str, timeout_seconds: float) -> Callable[[httpx2.Response], Awaitable[None]]:
    """Make the same for a client that doesn't block."""

    async def listen(response: httpx2.Response) -> None:
        if response.status_code == 429:
            await response.aread()
            _mark_final(response)
        elif isinstance(response.stream, httpx2.AsyncByteStream):
            response.stream = _AsyncHeard(response.stream, _Listener(host, timeout_seconds))

    return listen


def _mark_final(response: httpx2.Response) -> None:
    """Have OpenAI's client not ask again where a quota is used up, which no waiting changes."""
    if _NO_QUOTA in response.content:
        response.headers["x-should-retry"] = "false"


class _Listener:
    """Hears the bytes of one response. Raises TimeoutError, and ModelError for a reply without end."""

    def __init__(self, host: str, timeout_seconds: float) -> None:
        self._host = host
        self._patience = _LENT.get() or Patience(timeout_seconds)
        self._patience.renew()
        self._heard = 0

    def hear(self, part: bytes) -> bytes:
        self._heard += len(part)
        if self._heard > MAX_REPLY_BYTES:
            raise ModelError(f"{self._host} sends a reply without end; check OPENAI_BASE_URL")
        if _THOUGHT.search(part):
            self._patience.renew()
        self._patience.check()
        return part


class _Heard(httpx2.SyncByteStream):
    def __init__(self, stream: httpx2.SyncByteStream, listener: _Listener) -> None:
        self._stream = stream
        self._listener = listener

    def __iter__(self) -> Iterator[bytes]:
        return map(self._listener.hear, self._stream)

    def close(self) -> None:
        self._stream.close()


class _AsyncHeard(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream, listener: _Listener) -> None:
        self._stream = stream
        self._listener = listener

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for part in self._stream:
            yield self._listener.hear(part)

    async def aclose(self) -> None:
        await self._stream.aclose()
