"""The terminal that is printed to: its width, its colours, its clipboard and browser, and progress on it.

Whatever is printed comes from `rendering`, which cleans it. What a terminal obeys is added here, after that.
"""

import base64
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from assistant.errors import AssistantError
from assistant.rendering import clean_line, render_sources, render_statement, write_date
from assistant.settings import LOCAL_EMBEDDING_MODEL, Surroundings
from assistant.types import ArticleRef, Citation, Statement

if TYPE_CHECKING:
    from assistant.front import Assistant
    from assistant.ingest import Progress
    from assistant.streaming import AnswerStream

MIN_WIDTH = 20
MAX_COPY_BYTES = 74_994  # that terminals take at once; xterm's limit, the lowest in use, is 100,000 in base64

RESET = "\x1b[0m"
# The numbers after a sentence, before which is a space; before a source; and what says that a sentence isn't proven.
_NUMBERS = re.compile(r"(?<= )(?:\[\d+\])+(?=$| \(\d| --|\.?\n)", re.MULTILINE)
_SOURCE = re.compile(r"^\[\d+\](?= )", re.MULTILINE)
_WARNING = re.compile(r"^\(UNSUPPORTED:|\(NOTE:", re.MULTILINE)


class Styles(NamedTuple):
    """What switches each style of text on; nothing where there is none, and then what is quoted stands in brackets."""

    number: str = ""
    quote: str = ""
    heading: str = ""
    faint: str = ""
    warning: str = ""


PLAIN = Styles()
COLORED = Styles("\x1b[1;36m", "\x1b[1;33m", "\x1b[1m", "\x1b[2m", "\x1b[1;31m")
UNCOLORED = Styles("\x1b[1m", "\x1b[1m", "\x1b[1m", "", "\x1b[1m")  # NO_COLOR speaks of colours alone


def choose_styles(surroundings: Surroundings, *, is_terminal: bool) -> Styles:
    """Choose the styles that are wanted: none but where a terminal is, or where somebody forces them."""
    if surroundings.colors:
        return COLORED
    if not is_terminal or surroundings.is_dumb:
        return PLAIN
    return COLORED if surroundings.colors is None else UNCOLORED


@dataclass(frozen=True, slots=True)
class Terminal:
    """Where a chat is printed: `write` takes what is clean and styled; `is_screen` says whether somebody looks on."""

    write: Callable[[str], object]
    surroundings: Surroundings
    is_screen: bool
    styles: Styles = PLAIN

    @property
    def width(self) -> int:
        """How many cells a line has now: a window may be resized at any time."""
        return find_width()

    def copy(self, text: str) -> str:
        """Put a text into the clipboard through the terminal, by OSC 52, and say what came of it.

        A terminal doesn't say whether it took it: many ask their user first, or want to be set to allow it.
        """
        if not self.is_screen or self.surroundings.is_dumb:
            return "This terminal has no clipboard that could be reached; /export FILE writes a file."
        data = text.encode(errors="replace")
        if len(data) > MAX_COPY_BYTES:
            return f"{len(data):,} bytes are more than a terminal takes at once; /export FILE writes a file."
        self.write(f"\x1b]52;c;{base64.b64encode(data).decode()}\x07")
        return f"Copied {len(text):,} characters to the clipboard, if this terminal allows that (OSC 52)."

    def open(self, url: str) -> str:
        """Open a page of http or https in the browser, and say what came of it; the address, where there is none."""
        if not is_web_page(url):
            return f"Not opened, for it is no page of http or https: {clean_line(url)}"
        if self.surroundings.has_browser:
            import webbrowser  # needs half of the standard library, and only this does

            if webbrowser.open(url):
                return f"Opened in your browser: {url}"
        return f"No browser can be opened here; the page is {url}"


def is_web_page(url: str) -> bool:
    """Whether an address is one of http or https that can be handed to a browser as it is."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url == clean_line(url) and " " not in url


def find_width() -> int:
    """Find how many cells a line of the terminal has."""
    return max(shutil.get_terminal_size().columns, MIN_WIDTH)


def paint(text: str, style: str) -> str:
    """Style a text that stands on one line and is clean."""
    return f"{style}{text}{RESET}" if style and text else text


def paint_answer(text: str, styles: Styles) -> str:
    """Style the numbers and warnings of an answer that was rendered."""
    for pattern, style in ((_SOURCE, styles.number), (_NUMBERS, styles.number), (_WARNING, styles.warning)):
        text = pattern.sub(lambda match, style=style: paint(match.group(), style), text) if style else text  # type: ignore[misc]
    return text


def print_statements(
    stream: "AnswerStream", *, context_of: Callable[[Citation], str], write: Callable[[str], object]
) -> None:
    """Print an answer's sentences as they come; where the stream breaks off, what is shown gets its sources yet."""
    shown: list[Statement] = []
    try:
        for statement in stream.statements():
            shown.append(statement)
            write(render_statement(statement, width=find_width()))
    except (AssistantError, KeyboardInterrupt) as error:
        if isinstance(error, KeyboardInterrupt):
            write("\n")  # for the terminal echoes ^C where its cursor is
        write(render_sources(shown, context_of=context_of, width=find_width()))
        raise


def describe_answerer(assistant: "Assistant", articles: Sequence[ArticleRef]) -> str:
    """Say what answers, from which articles of when, and whether anything leaves the machine, in one line."""
    settings = assistant.settings
    sent = []
    if not assistant.is_model_local:
        sent.append(f"questions and passages are sent to {clean_line(assistant.model_host)} to be answered")
    if assistant.verifier and not assistant.is_verifier_local:
        sent.append(f"sentences and quotes are sent to {clean_line(assistant.verifier_host)} to be verified")
    if settings.embedding_model != LOCAL_EMBEDDING_MODEL:
        sent.append(f"questions and articles are sent to {clean_line(assistant.embedding_host)} to be embedded")
    if assistant.library_host:
        sent.append(f"questions are searched for, and articles kept, at {clean_line(assistant.library_host)}")
    if settings.tracing and assistant.model_host:
        sent.append("what a model is asked and replies may be sent to LangSmith")
    leaves = " and ".join(sent) or "nothing leaves this machine"
    who = f"{clean_line(assistant.model)} at {clean_line(assistant.model_host)}" if assistant.model_host else "quotes"
    count = f"{len(articles):,} article{'' if len(articles) == 1 else 's'}"
    what = count if articles or not assistant.library_host else "the articles"  # which are many to list
    source = f"{what} in {clean_line(str(settings.index))}{_describe_days(articles)}"
    alone = "" if assistant.model_host else " no language model,"
    verified = ""
    if assistant.verifier:
        verified = f", verified by {clean_line(assistant.verifier)} at {clean_line(assistant.verifier_host)}"
    return f"Answered by {who} from {source}{verified};{alone} {leaves}."


def describe_search(assistant: "Assistant", *, is_done: bool) -> str:
    """Say that everything is searched, where Chroma's index can't be, or was, where that `is_done`; else nothing."""
    if assistant.is_search_indexed:
        return ""
    return (
        "Chroma's index is missing, damaged or behind, so everything"
        f" {'was' if is_done else 'is'} searched, which is as exact but slower;"
        " `assistant doctor --repair` builds it again."
    )


def _describe_days(articles: Sequence[ArticleRef]) -> str:
    days = sorted(article.published for article in articles if article.published)
    if not days:
        return ""
    first, last = write_date(days[0]), write_date(days[-1])
    return f", of {first}" if first == last else f", from {first} to {last}"


@contextmanager
def show_progress(label: str) -> "Iterator[Progress | None]":
    """Show how far something is and how fast it goes, on standard error, where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as ProgressBar

    columns = (TextColumn(label), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    started = time.monotonic()
    with ProgressBar(*columns, TimeRemainingColumn(), console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, rate="")

        def show(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - started, 0.001)
            bar.update(task, completed=done, total=total, rate=f"{rate:.1f}/s")

        yield show
