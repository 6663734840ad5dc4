"""A real pseudo-terminal with a program in it: what was sent to it, and what its screen shows."""

import fcntl
import os
import re
import struct
import sys
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pyte

ASSISTANT = Path(sys.executable).with_name("assistant")
PATIENCE_SECONDS = 30  # for a busy machine
POLL_SECONDS = 0.02


class Screen:
    """A terminal of so many columns, in which a program runs."""

    def __init__(self, arguments: Sequence[str], *, columns: int = 80, lines: int = 50, environment: Mapping[str, str]):
        self.screen = pyte.HistoryScreen(columns, lines, history=10_000)
        # The size is this screen's, and not that of one that the tests run on.
        surroundings = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.child = pexpect.spawn(
            str(arguments[0]),
            [str(argument) for argument in arguments[1:]],
            env={**surroundings, "TERM": "xterm-256color", **environment},
            dimensions=(lines, columns),
            timeout=PATIENCE_SECONDS,
        )

    def read(self, seconds: float = POLL_SECONDS) -> bool:
        """Show what has come; False at the end."""
        try:
            data = self.child.read_nonblocking(65_536, timeout=seconds)
        except pexpect.TIMEOUT:
            return True
        except pexpect.EOF:
            return False
        self.raw += data
        self.stream.feed(data)
        return True

    @property
    def text(self) -> str:
        """All lines that were ever shown, those that have scrolled away first."""
        history = ["".join(line[x].data for x in range(self.screen.columns)) for line in self.screen.history.top]
        return "\n".join(line.rstrip() for line in [*history, *self.screen.display])

    def wait_for(self, expected: str, *, count: int = 1) -> str:
        """Wait until a text is shown, in so many places."""
        ending = time.monotonic() + PATIENCE_SECONDS
        while self.text.count(expected) < count:
            if not self.read() or time.monotonic() > ending:
                raise AssertionError(f"{expected!r} isn't shown:\n{self.text}\n{self.raw[-400:]!r}")
        return self.text

    def wait_for_prompt(self) -> str:
        """Wait for a prompt on the last line that isn't empty, with nothing behind it."""
        ending = time.monotonic() + PATIENCE_SECONDS
        while not re.search(r"(^|\n|\) )> *$", self.text.rstrip("\n ")) or self.read_more():
            if not self.read() or time.monotonic() > ending:
                raise AssertionError(f"there is no prompt:\n{self.text}\n{self.raw[-400:]!r}")
        return self.text

    def read_more(self) -> bool:
        """Whether anything comes yet."""
        before = len(self.raw)
        self.read(0.05)
        return len(self.raw) > before

    def type(self, text: str) -> None:
        """Type a text."""
        self.child.send(text)

    def enter(self, line: str) -> str:
        """Type a line and wait for the next prompt; returns what was shown since."""
        before = self.text.rstrip()
        self.type(f"{line}\r")
        while self.text.rstrip() == before:
            assert self.read()
        return self.wait_for_prompt()[len(before) :].rstrip()

    def resize(self, columns: int, lines: int = 50) -> None:
        """Make the window another size, which tells the program so (SIGWINCH)."""
        fcntl.ioctl(self.child.child_fd, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def wait_for_end(self) -> int:
        """Wait until the program has ended; returns its exit status, or the negative number of what killed it."""
        while self.read():
            pass
        self.child.wait()
        return -self.child.signalstatus if self.child.signalstatus else self.child.exitstatus


@contextmanager
def running(
    *arguments: str | Path, columns: int = 80, lines: int = 50, environment: Mapping[str, str] | None = None
) -> Iterator[Screen]:
    """Run `assistant` with some arguments in a terminal until the block ends."""
    screen = Screen([str(ASSISTANT), *map(str, arguments)], columns=columns, lines=lines, environment=environment or {})
    try:
        yield screen
    finally:
        screen.child.close(force=True)
