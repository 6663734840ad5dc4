"""Reads documents beside whatever else is done, the untrusted kinds in child processes that are limited and expendable.

A child is started for the first document that needs one, and reads one after another. It may take so much memory and,
for each document, so much time. A document that crashes a library, needs too much or takes too long ends the child:
that costs this document and the start of another child. A reply is JSON, so that a child can't make its parent run
anything. A child is a fresh interpreter: a forked one inherits the locks of threads that it doesn't have, and one that
multiprocessing spawns would run the user's own script a second time.
"""

import json
import os
import pickle
import signal
import struct
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import fields
from datetime import datetime
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final

from assistant.documents import Outcome
from assistant.errors import ArticleError
from assistant.kinds import Kind, tell_kind
from assistant.reading import read_document
from assistant.settings import hide_secrets
from assistant.types import Article, Document, Origin

MEMORY_BYTES = 400_000_000  # that a child may take above what it has when it starts, which is some 30 MB
SECONDS = 4  # of processor time for a document
LONG_SECONDS = 60  # for what may have many pages or parts,
# as far as its size earns that: few bytes that are much work are packed for no reader, and 100 pages have 100,000.
FIRST_SECONDS, BYTES_PER_SECOND = 3, 10_000
# A child shares its processors with the embedding of what came before; its time on the clock only ends one that waits.
PATIENCE = 3
MAX_REPLY_BYTES = 60_000_000
AHEAD_DOCUMENTS = 32  # that are read before somebody asks for them, or wait to be
AHEAD_BYTES = 50_000_000

_OWN: Final[frozenset[Kind]] = frozenset(("text", "markdown", "feed", "sitemap", "addresses"))
_LONG: Final[frozenset[Kind]] = frozenset(("pdf", "mail", "mailbox", "articles"))
_PAGE_LIBRARIES = ("assistant.pages", "trafilatura", "htmldate")
# What is imported before the time for a document begins, for it takes longer than reading most.
_LIBRARIES: Final[dict[Kind, tuple[str, ...]]] = {
    "pdf": ("pypdf",), "word": ("docx",), **dict.fromkeys(("page", "mail", "mailbox"), _PAGE_LIBRARIES),
}  # fmt: skip
_LENGTH = struct.Struct(">Q")
_TIMES = ("published", "updated")
_TIME_SIGNAL = getattr(signal, "SIGXCPU", None)
_TOO_LARGE = 77  # the status with which a child ends that has taken too much memory
_START = "import sys; sys.path[:] = sys.argv[1:]; from assistant.parsing import serve; serve()"


class Parser:
    """Reads documents in child processes; close it, or use it as a context manager, to end them."""

    def __init__(self) -> None:
        # One beside the embedding on two processors, and two are enough to keep up with it on any.
        self._children = [_Child() for _ in range(1 if (os.cpu_count() or 1) <= 2 else 2)]

    def parse(self, documents: Iterable[Document]) -> Iterator[tuple[Document, tuple[Outcome, ...]]]:
        """Read documents and yield each with its articles, in order, an error standing for what could not be read.

        They are taken from `documents` in a thread of its own and read ahead of whoever asks, by AHEAD_DOCUMENTS and
        AHEAD_BYTES at most (or one document). Raises what `documents` raises, after those before it. One iteration at
        a time; leaving it early ends the reading that goes on.
        """
        work = _Work(iter(documents))
        threading.Thread(target=work.fill, daemon=True).start()
        for child in self._children:
            threading.Thread(target=work.empty, args=(child,), daemon=True).start()
        try:
            while (task := work.get()) is not None:
                yield task.document, task.outcomes
        finally:
            work.stop()
            if not work.is_exhausted:
                self.close()

    def close(self) -> None:
        """End the child processes, whatever they are doing; the next iteration starts others."""
        children, self._children = self._children, [_Child() for _ in self._children]
        for child in children:
            child.end()

    def __enter__(self) -> "Parser":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class _Task:
    """A document, and what was read from it once that is done."""

    __slots__ = ("document", "is_done", "outcomes")

    def __init__(self, document: Document) -> None:
        self.document = document
        self.outcomes: tuple[Outcome, ...] = ()
        self.is_done = False


class _Work:
    """The documents of one iteration, between the thread that takes them in, those that read and who asks for them."""

    def __init__(self, documents: Iterator[Document]) -> None:
        self._documents = documents
        self._changed = threading.Condition()
        self._waiting: deque[_Task] = deque()  # for a thread that reads
        self._ahead: deque[_Task] = deque()  # all that were taken in and not yet given out
        self._is_stopped = False
        self._is_complete = False
        self._error: BaseException | None = None

    @property
    def is_exhausted(self) -> bool:
        """Whether all documents were given out."""
        return self._is_complete and not self._ahead

    def fill(self) -> None:
        """Take documents in, as long as there is room for them."""
        error: BaseException | None = None
        try:
            for document in self._documents:
                with self._changed:
                    task = _Task(document)
                    self._waiting.append(task)
                    self._ahead.append(task)
                    self._changed.notify_all()
                    self._changed.wait_for(lambda: self._is_stopped or self._has_room())
                    if self._is_stopped:
                        break
        except BaseException as raised:  # it belongs to who asked for the documents
            error = raised
        with self._changed:
            self._error = self._error or error
            self._is_complete = True
            self._changed.notify_all()

    def empty(self, child: "_Child") -> None:
        """Read documents until there are no more."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_stopped or self._waiting or self._is_complete)
                if self._is_stopped or not self._waiting:
                    return
                task = self._waiting.popleft()
            try:
                task.outcomes = _parse(task.document, child)
            except BaseException as error:  # nobody else would hear of it
                self._error = error
                self.stop()
                return
            with self._changed:
                task.is_done = True
                self._changed.notify_all()

    def get(self) -> _Task | None:
        """Wait for the next document; None after the last."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._is_stopped or (self._ahead[0].is_done if self._ahead else self._is_complete)
            )
            if not self._is_stopped and self._ahead:
                task = self._ahead.popleft()
                self._changed.notify_all()
                return task
            if self._error is not None:
                raise self._error
            return None

    def stop(self) -> None:
        """Let every thread end after what it is at."""
        with self._changed:
            self._is_stopped = True
            self._changed.notify_all()

    def _has_room(self) -> bool:
        size = sum(len(task.document.data) for task in self._ahead)
        return not self._ahead or (len(self._ahead) < AHEAD_DOCUMENTS and size < AHEAD_BYTES)


def _parse(document: Document, child: "_Child") -> tuple[Outcome, ...]:
    """Read a document in the child, or here where nothing can go wrong with it."""
    try:
        kind = tell_kind(document)
        if kind in _OWN:
            return read_document(document)
        earned = FIRST_SECONDS + len(document.data) // BYTES_PER_SECOND
        return child.read(document, min(LONG_SECONDS, earned) if kind in _LONG else SECONDS)
    except ArticleError as error:
        return (error,)


class _Child:
    """A process that reads documents; it is started when it is needed, and again when it has ended."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # of starting and ending it
        self._has_ended = False  # for good

    def read(self, document: Document, seconds: int) -> tuple[Outcome, ...]:
        """Read a document in so much processor time. Raises ArticleError where the process doesn't come to an end."""
        process = self._start(document)
        is_late = threading.Event()

        def stop() -> None:
            is_late.set()
            process.kill()

        timer = threading.Timer(PATIENCE * seconds, stop)
        timer.daemon = True
        timer.start()
        outcomes, is_last = _exchange(process, pickle.dumps((document, seconds)))
        timer.cancel()
        timer.join()
        status = self.kill() if is_last or is_late.is_set() else 0
        if outcomes is not None:
            return outcomes
        if is_late.is_set() or -status == _TIME_SIGNAL:
            raise ArticleError(f"{document.name}: can't be read: it takes more than {seconds} s; split it")
        if status == _TOO_LARGE:
            raise _refuse_memory(document)
        raise ArticleError(f"{document.name}: can't be read: it seems to be damaged (reading it ended with {status})")

    def end(self) -> None:
        """End the process for good, whatever it is doing."""
        with self._lock:
            self._has_ended = True
        self.kill()

    def kill(self) -> int:
        """End the process, and say with which status it did."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return 0
        process.kill()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()
        return process.wait()

    def _start(self, document: Document) -> "subprocess.Popen[bytes]":
        with self._lock:
            if self._has_ended:
                raise ArticleError(f"{document.name}: not read: nobody asks for it any more")
            if self._process is None or self._process.poll() is not None:
                try:
                    self._process = subprocess.Popen(  # noqa: S603
                        [sys.executable, "-P", "-c", _START, *sys.path],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.DEVNULL,
                        env=hide_secrets(),  # who takes it over by what it reads finds no key in it
                        start_new_session=True,  # so that Ctrl-C ends who reads the screen, who ends this
                    )
                except OSError as error:
                    raise ArticleError(f"{document.name}: can't be read: no process can be started: {error}") from None
            return self._process


def _exchange(process: "subprocess.Popen[bytes]", request: bytes) -> tuple[tuple[Outcome, ...] | None, bool]:
    """Send a request and wait for what was read, and whether nothing else will be.

    None where the process has ended before, or says what it should not.
    """
    if process.stdin is None or process.stdout is None:
        return None, True
    try:
        process.stdin.write(_LENGTH.pack(len(request)) + request)
        process.stdin.flush()
        body = _receive(process.stdout, MAX_REPLY_BYTES)
        if body is None:
            return None, True
        reply = json.loads(body)
        return tuple(_from_json(outcome) for outcome in reply["outcomes"]), bool(reply["is_last"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None, True


def _receive(pipe: IO[bytes], max_bytes: int) -> bytes | None:
    head = pipe.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > max_bytes:
        return None
    body = pipe.read(length)
    return body if len(body) == length else None


def _refuse_memory(document: Document) -> ArticleError:
    return ArticleError(f"{document.name}: can't be read: it needs more than {MEMORY_BYTES // 1_000_000} MB of memory")


# In the child


def serve() -> None:
    """Read documents from standard input, one request after another, until it ends."""
    requests = os.fdopen(os.dup(0), "rb")
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no reply
    threading.Thread(target=_watch, args=(os.getppid(),), daemon=True).start()
    _limit_memory()
    while (request := _receive(requests, sys.maxsize)) is not None:
        document, seconds = pickle.loads(request)  # noqa: S301  from who started this process
        del request
        _load_libraries(document)
        _limit_time(seconds)
        is_last = False
        try:
            reply = _write_reply(read_document(document))
        except ArticleError as error:
            reply = _write_reply((error,))
        except MemoryError:
            is_last = True  # what is left of it may be little, and in pieces
            reply = _write_reply((_refuse_memory(document),), is_last=True)
        if len(reply) > MAX_REPLY_BYTES:
            reply = _write_reply((ArticleError(f"{document.name}: too large: there is too much text in it; split it"),))
        replies.write(_LENGTH.pack(len(reply)) + reply)
        replies.flush()
        if is_last:
            return
        del document, reply


def _load_libraries(document: Document) -> None:
    with suppress(ArticleError, ImportError):  # of which reading says what is to be said
        for name in _LIBRARIES.get(tell_kind(document), ()):
            import_module(name)


def _write_reply(outcomes: tuple[Outcome, ...], *, is_last: bool = False) -> bytes:
    reply = {"outcomes": [_to_json(outcome) for outcome in outcomes], "is_last": is_last}
    return json.dumps(reply, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _to_json(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, ArticleError):
        return {"error": str(outcome)}
    article = {field.name: getattr(outcome, field.name) for field in fields(outcome)}
    for name in _TIMES:
        article[name] = article[name] and article[name].isoformat()
    return article


def _from_json(outcome: dict[str, Any]) -> Outcome:
    if "error" in outcome:
        return ArticleError(outcome["error"])
    times = {name: outcome[name] and datetime.fromisoformat(outcome[name]) for name in _TIMES}
    origins = tuple(Origin(*origin) for origin in outcome["origins"])
    return Article(**{**outcome, **times, "origins": origins})


def _limit_memory() -> None:
    with suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        with suppress(OSError, ValueError):  # on macOS, which has no such limit, `_watch` looks
            taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
            resource.setrlimit(resource.RLIMIT_AS, (taken + MEMORY_BYTES, taken + MEMORY_BYTES))


def _limit_time(seconds: int) -> None:
    """Allow so much more processor time; the signal at its end can't be held back by a library's loop."""
    with suppress(ImportError, OSError, ValueError):  # where its user allows less, that is what it has
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + 1 + seconds, hard))


def _watch(parent: int) -> None:
    """End this process when its parent has ended, and on macOS when it has taken too much memory."""
    pause = threading.Event()
    while not pause.wait(0.2):
        if os.getppid() != parent:
            os._exit(1)
        if sys.platform == "darwin":
            import resource

            if resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > MEMORY_BYTES:  # in bytes there
                os._exit(_TOO_LARGE)
