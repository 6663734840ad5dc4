"""The chat: reads questions and commands, and prints answers as they come.

At a terminal there is a prompt with editing, history and completion, on the screen before anything heavy is loaded: the
models and the index are loaded in a thread while the user types. Elsewhere lines are read and answered as they are.
"""

import asyncio
import io
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, TextIO

from platformdirs import user_data_path
from prompt_toolkit import PromptSession
from prompt_toolkit.application import run_in_terminal
from prompt_toolkit.completion import CompleteEvent, Completer, PathCompleter
from prompt_toolkit.completion import Completion as Offer
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.output import ColorDepth, Output, create_output
from prompt_toolkit.output.vt100 import Vt100_Output

from assistant.commands import (
    COMMANDS,
    EMPTY,
    STOPPED,
    Session,
    begin_conversation,
    complete,
    recall,
    resume_conversation,
    run_command,
    say_age,
    stop_keeping,
)
from assistant.errors import AssistantError
from assistant.rendering import (
    clean_line,
    render_answer,
    render_proof,
    render_understood,
)
from assistant.settings import APPLICATION, read_surroundings
from assistant.terminal import (
    COLORED,
    Terminal,
    choose_styles,
    describe_answerer,
    describe_search,
    paint_answer,
    print_statements,
)
from assistant.types import Answer

if TYPE_CHECKING:
    from assistant.front import Assistant
    from assistant.streaming import AnswerStream

LAST = ""  # the conversation that is resumed where none is named
HISTORY_FILE = "chat_history"
MAX_HISTORY_BYTES = 1_000_000  # of lines that were typed; of more the newer half is kept
MENU_LINES = 6
CLOSING_SECONDS = 10.0  # for what is still being loaded
PROMPT = "> "

BROKEN_OFF = "The answer broke off, or was stopped: this is what had been settled by then."

GREETING = "Ask about your articles. /help lists the commands, Ctrl-D quits."

EXIT_FAILED, EXIT_INTERRUPTED = 2, 130


def run_chat(
    open_assistant: "Callable[[], Assistant]",
    *,
    resume: str | None = None,
    outlet: str | None = None,
    since: str | None = None,
    until: str | None = None,
) -> int:
    """Chat until the user leaves, or standard input ends; returns the exit status.

    `resume` is the id of the conversation to go on with, or LAST; `outlet`, `since` and `until` say which articles are
    asked at first. Raises AssistantError where the assistant can't be opened, or there is no such conversation.
    """
    surroundings = read_surroundings()
    is_screen = sys.stdin.isatty() and sys.stdout.isatty()
    styles = choose_styles(surroundings, is_terminal=sys.stdout.isatty())
    terminal = Terminal(_write, surroundings, is_screen, styles)

    def open_session() -> Session:
        from assistant.scope import read_options

        read_options(outlet, since, until)
        assistant = open_assistant()
        articles = tuple(assistant.articles())
        return Session(assistant, terminal, articles=articles, outlet=outlet, since=since, until=until)

    start = _Start(open_session, resume)
    interrupts = _Interrupts()
    with interrupts.handled():  # until all is closed, for who is impatient presses Ctrl-C then, too
        try:
            if not is_screen:
                return _answer_lines(start, interrupts)
            _write(f"{GREETING}\n")
            prompt = _PlainPrompt(start, interrupts) if surroundings.is_dumb else _Prompt(start, terminal)
            return _chat(start, prompt, interrupts)
        finally:
            start.close()


class _Start:
    """Opens the session in a thread, says what answers once it is open, and goes on loading what questions need."""

    def __init__(self, open_session: Callable[[], Session], resume: str | None) -> None:
        self.opened: Future[Session] = Future()
        self.opened.set_running_or_notify_cancel()  # nobody who waits for it cancels it
        self.session: Session | None = None  # since it was said what answers
        self._open_session = open_session
        self._resume = resume
        self._thread: threading.Thread | None = None

    def load(self) -> None:
        """Begin; a second time is nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._load, name="load-session", daemon=True)
            self._thread.start()

    def _load(self) -> None:
        try:
            session = self._open_session()
        except BaseException as error:  # which is whoever's who waits for it
            self.opened.set_exception(error)
            return
        self.opened.set_result(session)
        with suppress(AssistantError):  # the first question meets it again
            session.assistant.load()

    def begin(self) -> Session:
        """Wait for the session and say what answers, once. Raises AssistantError."""
        self.load()
        if self.session is None:
            session = self.opened.result()
            # What is said before the answers isn't part of what a script reads.
            aside = session if session.terminal.is_screen else session.elsewhere(_write_aside)
            answerer = describe_answerer(session.assistant, session.articles)
            for text in (answerer, describe_search(session.assistant, is_done=False)):
                aside.say(text, style=aside.terminal.styles.faint)
            if not session.articles:
                aside.say(EMPTY)
            if self._resume is None:
                session = replace(begin_conversation(aside), terminal=session.terminal)
            else:
                session = self._go_on(session, self._resume)
            session.terminal.write("\n" if session.terminal.is_screen else "")
            self.session = session
        return self.session

    def _go_on(self, session: Session, id: str) -> Session:
        found = id or session.assistant.conversations.last()
        if found is None:
            session.say("No conversation is kept yet; this one is new.")
            return begin_conversation(session)
        return resume_conversation(session, found)

    def close(self) -> None:
        """Close what was opened, if it was.

        Subtle: a process that ends while a library of machine code is loaded in a thread is aborted.
        """
        if self._thread is not None:
            self._thread.join(CLOSING_SECONDS)
        if self.session is not None:
            self.session.assistant.close()
        elif self.opened.done() and self.opened.exception() is None:
            self.opened.result().assistant.close()


def _chat(start: _Start, prompt: "_Prompt | _PlainPrompt", interrupts: "_Interrupts") -> int:
    was_interrupted = False
    while True:
        try:
            line = " ".join(prompt.read().split())
        except EOFError:
            return 0
        except KeyboardInterrupt:
            if was_interrupted and not prompt.has_text:
                return EXIT_INTERRUPTED
            was_interrupted = True
            _write("Ctrl-C again quits, and so does Ctrl-D.\n")
            continue
        was_interrupted = False
        if not line:
            continue
        with interrupts.stoppable():
            try:
                start.session, _ = _obey(start.begin(), line, interrupts)
            except KeyboardInterrupt:
                _write("\nStopped.\n\n")
        if start.session is not None and start.session.is_over:
            return 0


def _answer_lines(start: _Start, interrupts: "_Interrupts") -> int:
    """Answer each line of standard input, one after the other; 2 where one failed."""
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")
    status = 0
    with interrupts.stoppable():
        try:
            session = start.begin()
            for line in filter(None, (" ".join(line.split()) for line in sys.stdin)):
                _write(f"{PROMPT}{clean_line(line)}\n")
                session, has_failed = _obey(session, line, interrupts)
                status = EXIT_FAILED if has_failed else status
                if session.is_over:
                    break
        except KeyboardInterrupt:
            return EXIT_INTERRUPTED
        except BrokenPipeError:
            _drop(sys.stdout)  # the reader has seen enough, as `head` does
    return status


def _obey(session: Session, line: str, interrupts: "_Interrupts") -> tuple[Session, bool]:
    """Do what a line says, a command or a question; also whether it failed, which was said then."""
    error: AssistantError | OSError | None = None
    try:
        if line.startswith("/"):
            session = run_command(session, line)
        else:
            session, error = _ask(session, line, interrupts)
    except (AssistantError, OSError) as raised:
        if isinstance(raised, BrokenPipeError):
            raise
        error = raised
    if error:
        session.say(str(error), style=session.terminal.styles.warning)
    session.terminal.write("\n")
    return session, error is not None


def _ask(session: Session, question: str, interrupts: "_Interrupts") -> tuple[Session, AssistantError | None]:
    """Answer a question on the screen, and keep the answer before the last of it is shown.

    Where it breaks off, what was settled is the answer, for it stands on the screen; the error is given, too.
    """
    assistant, terminal = session.assistant, session.terminal
    asked = datetime.now(UTC)

    def write(text: str) -> None:
        terminal.write(paint_answer(text, terminal.styles))

    terminal.write("\n")
    options = {"outlet": session.outlet, "since": session.since, "until": session.until}
    stream: AnswerStream | None = None
    try:
        before, session = session.conversation, recall(session)
        if session.conversation != before:
            session.say("The conversation was removed meanwhile; this is a new one.")
        with assistant.stream(question, history=session.answers, **options) as stream:
            if assistant.model_host:
                print_statements(stream, context_of=assistant.context_of, write=write)
            answer = stream.answer
    except (AssistantError, KeyboardInterrupt) as error:
        with interrupts.held():
            if stream and stream.has_settled:
                session = _keep(session, replace(stream.so_far, notes=(BROKEN_OFF,)), asked)
            elif isinstance(error, KeyboardInterrupt):
                session = replace(session, unanswered=STOPPED)
            if isinstance(error, AssistantError):
                return session, error
            if not terminal.is_screen:
                raise
            terminal.write("\n")
            session.say("Stopped." if stream and stream.has_settled else "Stopped; nothing was proven yet.")
            return session, None
    with interrupts.held():
        session = _keep(session, answer, asked)
        if assistant.model_host:
            write(render_understood(answer.understood, width=terminal.width))
            write(render_proof(answer, context_of=assistant.context_of, width=terminal.width))
        else:
            write(render_answer(answer, context_of=assistant.context_of, width=terminal.width))
        say_age(session, answer)
    return session, None


def _keep(session: Session, answer: Answer, asked: datetime) -> Session:
    """Keep an answer; where that can't be, it is said once, and the chat goes on without."""
    session = session.answered(*session.answers, answer)
    if session.is_kept:
        try:
            session.assistant.conversations.keep(session.conversation, answer, asked)
        except AssistantError as error:
            return stop_keeping(session, error)
    return session


# The prompt -----------------------------------------------------------------------------------------------------------


class _PlainPrompt:
    """A prompt for a terminal that obeys nothing: its own line editing, and no more."""

    has_text = False  # as far as can be known

    def __init__(self, start: _Start, interrupts: "_Interrupts") -> None:
        self._start = start
        self._interrupts = interrupts

    def read(self) -> str:
        """Read a line. Raises EOFError and KeyboardInterrupt."""
        with self._interrupts.stoppable():
            self._start.begin()
            try:
                return input(PROMPT)
            except (EOFError, KeyboardInterrupt):
                _write("\n")
                raise


class _Prompt:
    """A prompt with editing, history and completion; the session begins while the first line is typed."""

    def __init__(self, start: _Start, terminal: Terminal) -> None:
        self._start = start
        colors = terminal.styles == COLORED
        self._session: PromptSession[str] = PromptSession(
            self._describe,
            history=_open_history(),
            completer=_Completer(start),
            # A menu that opens by itself helps with commands, and is in the way of a sentence.
            complete_while_typing=Condition(lambda: self._session.default_buffer.text.startswith("/")),
            color_depth=None if colors else ColorDepth.MONOCHROME,
            reserve_space_for_menu=MENU_LINES,
            output=_open_output(),
        )
        self._session.app.after_render += lambda _: start.load()  # not before, for the two would share a processor

    @property
    def has_text(self) -> bool:
        """Whether Ctrl-C left a line that was begun."""
        return bool(self._session.default_buffer.text)

    def read(self) -> str:
        """Read a line. Raises EOFError and KeyboardInterrupt, and AssistantError where the session can't begin."""
        return self._session.prompt(pre_run=self._begin_meanwhile)

    def _begin_meanwhile(self) -> None:
        if self._start.session is None:
            self._session.app.create_background_task(self._begin())

    async def _begin(self) -> None:
        with suppress(Exception):
            await asyncio.wrap_future(self._start.opened)
        try:
            await run_in_terminal(self._start.begin)
        except Exception as error:
            self._session.app.exit(exception=error)

    def _describe(self) -> StyleAndTextTuples:
        session = self._start.session
        chosen = (
            [
                clean_line(session.outlet or ""),
                f"since {clean_line(session.since)}" if session.since else "",
                f"until {clean_line(session.until)}" if session.until else "",
            ]
            if session
            else []
        )
        asked = ", ".join(filter(None, chosen))
        return [("", f"({asked}) " if asked else ""), ("bold", PROMPT)]


def _open_output() -> Output:
    """Open the terminal for the prompt.

    Subtle: where its cursor is isn't asked, for the answer could come when nobody reads it, and count as typed.
    """
    output = create_output(sys.stdout)
    if isinstance(output, Vt100_Output):
        output.enable_cpr = False
    return output


class _Completer(Completer):
    """Offers commands, their arguments, titles and outlets."""

    def __init__(self, start: _Start) -> None:
        self._start = start
        self._files = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Offer]:
        """Offer what may follow what was typed before the cursor."""
        line = document.text_before_cursor
        for text, length, meaning in complete(self._start.session, line):
            yield Offer(text, -length, display_meta=meaning)
        name, space, argument = line.partition(" ")
        if space and name.startswith("/") and (command := COMMANDS.get(name[1:])) and command.takes_file:
            typed, mark = _read_last_name(argument)
            for offer in self._files.get_completions(Document(typed), complete_event):
                if offer.text.isprintable():
                    text = _escape(offer.text, mark)
                    yield Offer(text, offer.start_position, display=offer.display)


def _read_last_name(argument: str) -> tuple[str, str]:
    """Read the name that is being typed as a shell would, and the quotation mark that is open in it, if one is."""
    name, mark, is_escaped = "", "", False
    for character in argument:
        if is_escaped or (mark and character not in (mark, "\\")) or (mark == "'" and character == "\\"):
            name, is_escaped = name + character, False
        elif character == "\\":
            is_escaped = True
        elif character in "'\"":
            mark = "" if mark else character
        else:
            name = "" if character.isspace() else name + character
    return name, mark


def _escape(name: str, mark: str) -> str:
    """Write a part of a name so that a shell reads it, within this quotation mark or within none."""
    if mark == "'":
        return name.replace("'", "'\\''")
    return re.sub(r"""["\\]""" if mark else r"""[\s"'\\]""", r"\\\g<0>", name)


class _History(FileHistory):
    """The lines that were typed, in a file that only its owner reads; where it can't be written, no line is lost."""

    def store_string(self, string: str) -> None:
        """Write a line to the file."""
        with suppress(OSError):
            super().store_string(string)


def _open_history() -> History:
    """Open the history in the user's data folder: it is of what one user typed, of whichever index.

    An index may be shared, and a script's or another user's questions are in nobody's way there.
    """
    file = user_data_path(APPLICATION) / HISTORY_FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
        with os.fdopen(descriptor, "rb+") as opened:
            file.chmod(0o600)  # one that was there before
            if opened.seek(0, os.SEEK_END) > MAX_HISTORY_BYTES:
                opened.seek(-MAX_HISTORY_BYTES // 2, os.SEEK_END)
                newer = opened.read().partition(b"\n\n")[2]
                opened.seek(0)
                opened.truncate()
                opened.write(newer)
    except OSError:
        return InMemoryHistory()
    return _History(str(file))


# Signals --------------------------------------------------------------------------------------------------------------


class _Interrupts:
    """What Ctrl-C, a closed terminal and a request to end do, and when.

    Ctrl-C stops what is stoppable, once: a second one doesn't hurt what the first one has left to tidy up. The others
    end the chat as soon as nothing is held that has to be finished, so that everything is closed in its order.
    """

    def __init__(self) -> None:
        self._is_stoppable = False
        self._is_held = False
        self._ending: int | None = None

    @contextmanager
    def handled(self) -> Iterator[None]:
        """Handle the signals until the block ends."""
        ends = [number for name in ("SIGHUP", "SIGTERM") if (number := getattr(signal, name, None))]
        before = {number: signal.signal(number, self._end) for number in ends}
        before[signal.SIGINT] = signal.signal(signal.SIGINT, self._stop)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    @contextmanager
    def stoppable(self) -> Iterator[None]:
        """Let Ctrl-C stop the block by a KeyboardInterrupt."""
        self._is_stoppable = True
        try:
            yield
        finally:
            self._is_stoppable = False

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing end the block halfway."""
        self._is_stoppable, self._is_held = False, True
        try:
            yield
        finally:
            self._is_held = False
            if self._ending is not None:
                self._end(self._ending, None)

    def _stop(self, _number: int, _frame: FrameType | None) -> None:
        if self._is_stoppable:
            self._is_stoppable = False
            raise KeyboardInterrupt

    def _end(self, number: int, _frame: FrameType | None) -> None:
        self._ending = number
        if self._is_held:
            return
        if number != signal.SIGTERM:  # the terminal is gone: what is written goes nowhere
            for stream in (sys.stdout, sys.stderr):
                _drop(stream)
        raise SystemExit(128 + number)


def _drop(stream: TextIO) -> None:
    """Send what is written from now on nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _write_aside(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
