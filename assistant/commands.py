"""The commands of a chat: a table of plain functions, each of which takes a session and what was typed after its name.

A function prints what it has to say and returns the session as it is from then on. What can't be done is an
AssistantError, whose one line is shown, and the chat goes on.
"""

import difflib
import shlex
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from assistant.answers import conversation_to_json
from assistant.errors import AssistantError, LibraryError, SettingsError
from assistant.rendering import (
    clean,
    clean_line,
    count_noun,
    describe_age,
    describe_article,
    mark_statement,
    render_answer,
    render_conversations,
    render_json,
    render_report,
    render_sources,
    show_address,
    wrap_text,
)
from assistant.reports import PassageOf, render_html, render_markdown, write_page
from assistant.settings import QUOTES
from assistant.terminal import PLAIN, Terminal, describe_answerer, paint, paint_answer, show_progress
from assistant.types import Answer, ArticleRef, Citation, Conversation, QuotedPassage, Turn

if TYPE_CHECKING:
    from assistant.front import Assistant

EMPTY = "There are no articles yet; add some with /add SOURCE: a file, a folder, or an address."
# Why there is no last answer.
NOTHING_ASKED = "nothing was answered yet; ask something first"
FORGOTTEN = "what was answered here was forgotten with its articles; ask something anew"
REMOVED = "this conversation was removed meanwhile, with all that was answered in it; ask something anew"
STOPPED = "the last answer was stopped before anything of it was proven, so it has no sources; ask again"
LISTED = 20  # articles and conversations
OFF = ("off", "none", "clear", "all")  # what clears a setting
# What other programs call a command, to be pointed to ours.
OTHER_NAMES = {
    "exit": "quit", "bye": "quit", "leave": "quit", "close": "quit", "stop": "quit",
    "clear": "new", "reset": "new", "restart": "new",
    "list": "articles", "ls": "articles", "index": "add", "import": "add", "load": "resume",
    "save": "export", "write": "export", "cite": "why", "proof": "why", "quote": "why",
    "citations": "sources", "commands": "help", "?": "help", "conversations": "history",
    "from": "since", "after": "since", "before": "until", "to": "until",
}  # fmt: skip
MIN_TITLE_CHARACTERS = 3  # that are typed before a title is offered


@dataclass(frozen=True, slots=True)
class Session:
    """A chat as it stands: what answers, what was answered, of which articles is asked, and where it is printed.

    `conversation` is where its answers are kept, while `is_kept`, and `answers` are those before the next question,
    oldest first; `unanswered` says why the last question has none, where it was asked. `articles` are those of the
    index when it was looked at last.
    """

    assistant: "Assistant"
    terminal: Terminal
    conversation: str = ""
    answers: tuple[Answer, ...] = ()
    articles: tuple[ArticleRef, ...] = ()
    outlet: str | None = None
    since: str | None = None
    until: str | None = None
    unanswered: str = ""
    is_kept: bool = True
    is_over: bool = False

    @property
    def last(self) -> Answer:
        """The answer that was given last. Raises SettingsError where there is none."""
        if not self.has_last:
            raise SettingsError(self.unanswered or NOTHING_ASKED)
        return self.answers[-1]

    @property
    def has_last(self) -> bool:
        """Whether what was asked last has an answer."""
        return bool(self.answers) and not self.unanswered

    def answered(self, *answers: Answer) -> "Session":
        """Go on after these answers, oldest first."""
        return replace(self, answers=answers, unanswered="" if answers else FORGOTTEN)

    @property
    def outlets(self) -> list[str]:
        """The outlets of the articles as they are, in the order of the alphabet; what is shown is cleaned first."""
        return sorted({article.outlet for article in self.articles if article.outlet})

    def say(self, text: str, *, style: str = "") -> None:
        """Print a paragraph of our own words and what they name, cleaned."""
        lines = wrap_text(clean_line(text), self.terminal.width).split("\n") if text else ()
        self.terminal.write("".join(f"{paint(line, style)}\n" for line in lines))

    def elsewhere(self, write: Callable[[str], object]) -> "Session":
        """Print elsewhere, and in no style."""
        return replace(self, terminal=replace(self.terminal, write=write, styles=PLAIN))


Run = Callable[[Session, str], Session]
Values = Callable[[Session], Iterable[str]]


class Command(NamedTuple):
    """A command: its name, what it takes, what it does in a line, and what there is more to say.

    `values` are what may be typed after it; `takes_file` says whether that is the name of a file.
    """

    name: str
    run: Run
    argument: str = ""
    help: str = ""
    details: str = ""
    values: Values | None = None
    takes_file: bool = False

    @property
    def usage(self) -> str:
        """How it is typed."""
        return f"/{self.name} {self.argument}".rstrip()


class Completion(NamedTuple):
    """What may be typed in place of the last `length` characters, and what it is."""

    text: str
    length: int
    meaning: str = ""


def run_command(session: Session, line: str) -> Session:
    """Do what a line says that begins with a slash. Raises AssistantError for what can't be done."""
    name, _, argument = line.removeprefix("/").partition(" ")
    command = _find_command(name)
    if argument.strip() and not command.argument:
        raise SettingsError(f"/{command.name} takes nothing after it; type it alone")
    return command.run(session, argument.strip())


def complete(session: Session | None, line: str) -> Iterator[Completion]:
    """Offer what may follow what was typed so far: commands, their arguments, titles and outlets within a question."""
    name, space, argument = line.partition(" ")
    if line.startswith("/") and not space:
        for command in COMMANDS.values():
            if f"/{command.name}".startswith(name):
                yield Completion(f"/{command.name}{' ' if command.argument else ''}", len(name), command.help)
    elif session and line.startswith("/"):
        known = COMMANDS.get(name.removeprefix("/"))
        typed = argument.lstrip()
        for value in known.values(session) if known and known.values else ():
            if value.lower().startswith(typed.lower()):
                yield Completion(value, len(typed))
    elif session:
        yield from _complete_names(session, line)


def _complete_names(session: Session, line: str) -> Iterator[Completion]:
    """Offer the outlets and titles that begin as the longest end of a line does."""
    words = line.split(" ")
    ends = [" ".join(words[start:]).lower() for start in range(len(words))]
    named = dict.fromkeys((clean_line(outlet), "outlet") for outlet in session.outlets)
    named |= dict.fromkeys(
        (clean_line(article.title), clean_line(article.outlet or "")) for article in session.articles
    )
    for text, meaning in named:
        end = next((end for end in ends if len(end) >= MIN_TITLE_CHARACTERS and text.lower().startswith(end)), None)
        if end is not None:
            yield Completion(text, len(end), meaning)


def _find_command(name: str) -> Command:
    name = name.lower()
    if name in COMMANDS:
        return COMMANDS[name]
    starting = [known for known in COMMANDS if name and known.startswith(name)]
    other = [OTHER_NAMES[name]] if name in OTHER_NAMES else []
    near = starting or other or difflib.get_close_matches(name, COMMANDS, 1, 0.5)
    hint = f"did you mean /{near[0]}? " if near else ""
    raise SettingsError(f"there is no command /{name}; {hint}/help lists them")


# Of the last answer ---------------------------------------------------------------------------------------------------


def recall(session: Session) -> Session:
    """Recall what was answered before as it is kept now: what was forgotten meanwhile is shown to nobody any more.

    Where the whole conversation was removed, another one begins, for its id isn't taken up again.
    """
    kept = session.assistant.conversations
    if not (session.answers and session.is_kept) or kept.is_current(session.conversation):
        return session
    try:
        turns = kept.get(session.conversation).turns
    except SettingsError:
        return replace(begin_conversation(session), unanswered=REMOVED)
    recalled = session.answered(*(turn.answer for turn in turns if turn.answer is not None))
    if turns and turns[-1].answer is None:
        recalled = replace(recalled, unanswered=FORGOTTEN)  # an earlier answer isn't taken for the last
    return replace(recalled, unanswered=recalled.unanswered or session.unanswered)


def _why(session: Session, argument: str) -> Session:
    session = recall(session)
    answer = session.last
    citation = _find_citation(answer, argument)
    passage = session.assistant.passage_of(citation)
    if passage is None:  # what was removed is shown to nobody any more
        raise SettingsError(f"the article of [{citation.number}] was removed, or never held these words")
    terminal, width = session.terminal, session.terminal.width
    terminal.write(
        paint_answer(
            f"{wrap_text(f'[{citation.number}] {describe_article(citation.article)}', width)}\n\n", terminal.styles
        )
    )
    terminal.write(f"{render_quote(passage, style=terminal.styles.quote, width=width)}\n\n")
    proven = [each for each in answer.statements if citation in each.citations and each.text != citation.quote]
    for statement in proven:
        session.say(f"Cited for: {mark_statement(statement)}")
    if address := show_address(citation.article):
        terminal.write(f"{address}\n")
    return session


def render_quote(passage: QuotedPassage, *, style: str, width: int) -> str:
    """Render a passage with its quote in a style, or in brackets where there is none."""
    before, quote, after = clean(passage.before), clean(passage.quote), clean(passage.after)
    marked = [paint(line, style) if style else line for line in quote.split("\n")]
    text = f"{before}{'' if style else '[['}{chr(10).join(marked)}{'' if style else ']]'}{after}"
    return "\n".join(
        wrap_text(f"    {line.strip()}", width, indent="    ") if line.strip() else "" for line in text.split("\n")
    )


def _show_sources(session: Session, _: str) -> Session:
    session = recall(session)
    answer, terminal = session.last, session.terminal
    text = render_sources(answer.statements, context_of=session.assistant.context_of, width=terminal.width)
    terminal.write(paint_answer(text, terminal.styles) or "The last answer has no sources, for it is none.\n")
    return session


def _open(session: Session, argument: str) -> Session:
    session = recall(session)
    citation = _find_citation(session.last, argument)
    if not citation.article.url:
        raise SettingsError(f"[{citation.number}] has no address that is known: {citation.article.title}")
    session.terminal.write(f"{session.terminal.open(citation.article.url)}\n")
    return session


def _copy(session: Session, _: str) -> Session:
    session = recall(session)
    answer = session.last
    statements = [mark_statement(statement) for statement in answer.statements] or [clean_line(answer.text)]
    sources = [
        " ".join(filter(None, (f"[{each.number}] {describe_article(each.article)}", show_address(each.article))))
        for each in answer.citations
    ]
    text = "\n\n".join([clean_line(answer.question), *statements, "\n".join(sources)]).strip() + "\n"
    session.say(session.terminal.copy(text))
    return session


def _show_unsupported(session: Session, argument: str) -> Session:
    if argument:
        if argument not in ("mark", "drop"):
            raise SettingsError(f"{argument!r} is neither mark nor drop: /unsupported mark shows such sentences")
        return _reopen(session, lambda _: f"{_describe_unsupported(argument)}, from now on.", unsupported=argument)
    session = recall(session)
    session.say(f"{_describe_unsupported(session.assistant.settings.unsupported)}.")
    lines = (
        [mark_statement(each) for each in session.last.statements if not each.support.supported]
        if session.has_last
        else []
    )
    for line in lines:
        session.say(line)
    if session.has_last and not lines:
        session.say("The last answer shows none.")
    return session


def _describe_unsupported(setting: str) -> str:
    return f"Sentences that their citations don't prove are {'marked' if setting == 'mark' else 'dropped'}"


def _find_citation(answer: Answer, argument: str) -> Citation:
    numbers = {str(citation.number): citation for citation in answer.citations}
    if not numbers:
        raise SettingsError("the last answer cites nothing")
    number = argument.strip("[]") or ("1" if len(numbers) == 1 else "")
    if number not in numbers:
        what = f"{argument!r} is no number of a source" if argument else "which source"
        raise SettingsError(f"{what}; the last answer has {_describe_numbers(numbers)}")
    return numbers[number]


def _describe_numbers(numbers: Iterable[str]) -> str:
    listed = list(numbers)
    return listed[0] if len(listed) == 1 else f"{listed[0]} to {listed[-1]}"


# Of the articles ------------------------------------------------------------------------------------------------------


def _list_articles(session: Session, argument: str) -> Session:
    articles = session.assistant.articles()
    words = argument.lower().split()
    found = [each for each in articles if all(word in _describe_to_find(each) for word in words)]
    found.sort(key=lambda each: each.published or datetime.min.replace(tzinfo=UTC), reverse=True)
    for article in found[:LISTED]:
        session.terminal.write(wrap_text(describe_article(article), session.terminal.width, indent="    ") + "\n")
    if len(found) > LISTED:
        session.say(f"{len(found) - LISTED:,} older ones more; give words of their titles, outlets or dates.")
    if not found:
        session.say("No article has these words in its title, outlet or date." if words else EMPTY)
    return replace(session, articles=tuple(articles))


def _describe_to_find(article: ArticleRef) -> str:
    """Write what an article is found by, in lower case: as it is shown, and its day as dates are typed."""
    day = f"{article.published:%Y-%m-%d}" if article.published else ""
    return f"{describe_article(article)} {day}".lower()


def read_name(argument: str) -> str:
    """Read the name of one file, as a shell reads it; quotation marks are only needed where a shell's sign is meant."""
    try:
        names = shlex.split(argument)
    except ValueError:  # an apostrophe, which stands for itself where it closes nothing
        return argument
    return names[0] if len(names) == 1 else argument


def read_names(argument: str) -> list[str]:
    """Read names as a shell does; what is the name of one file as it stands, is that. Raises SettingsError."""
    if argument and Path(argument).expanduser().exists():
        return [argument]
    try:
        return shlex.split(argument)
    except ValueError as error:
        raise SettingsError(f"{argument}: {str(error).lower()}; close the quotation mark") from None


def _add(session: Session, argument: str) -> Session:
    sources = read_names(argument)
    if not sources:
        raise SettingsError("give a file, a folder, or the address of a page, a feed or a sitemap: /add SOURCE")
    if "-" in sources:
        raise SettingsError("standard input is where your questions come from; give a file, a folder or an address")
    sources = [source if "://" in source else str(Path(source).expanduser()) for source in sources]
    try:
        with show_progress("Indexing") as progress:
            report = session.assistant.add(sources, progress=progress)
    except KeyboardInterrupt:
        session.say("Stopped; what was finished is kept, and the same command goes on from there.")
        return _look_again(session)
    for failure in report.failed:
        session.say(f"{failure.source}: {failure.reason}", style=session.terminal.styles.warning)
    session.say(f"{session.assistant.settings.index}: {render_report(report)}")
    return _look_again(session)


def _look_again(session: Session) -> Session:
    return replace(session, articles=tuple(session.assistant.articles()))


# Of the next questions ------------------------------------------------------------------------------------------------


def _set_since(session: Session, argument: str) -> Session:
    return _set_days(session, argument, since=True)


def _set_until(session: Session, argument: str) -> Session:
    return _set_days(session, argument, since=False)


def _set_days(session: Session, argument: str, *, since: bool) -> Session:
    if argument:
        from assistant.scope import read_options  # which needs numpy, and the prompt doesn't wait for that

        day = None if argument.lower() in OFF else argument
        session = replace(session, since=day) if since else replace(session, until=day)
        read_options(session.outlet, session.since, session.until)
    session.say(_describe_filters(session))
    return session


def _set_outlet(session: Session, argument: str) -> Session:
    if argument.lower() in OFF:
        session = replace(session, outlet=None)
    elif argument:
        session = _look_again(session)
        # As they are, and as they are offered.
        known = {clean_line(outlet).lower(): outlet for outlet in session.outlets}
        known |= {outlet.lower(): outlet for outlet in session.outlets}
        if argument.lower() not in known:
            near = difflib.get_close_matches(argument.lower(), known, 1, 0.4) or list(known)[:1]
            hint = f"did you mean {known[near[0]]}?" if near else "no article has one"
            raise SettingsError(f"no article is of the outlet {argument!r}; {hint}")
        session = replace(session, outlet=known[argument.lower()])
    session.say(_describe_filters(session))
    return session


def _describe_filters(session: Session) -> str:
    parts = [
        f"of {session.outlet}" if session.outlet else "",
        f"since {session.since}" if session.since else "",
        f"until {session.until}" if session.until else "",
    ]
    asked = " ".join(filter(None, parts))
    return f"Asked are articles {asked}; `off` instead of a value clears one." if asked else "All articles are asked."


def _set_model(session: Session, argument: str) -> Session:
    if argument:
        return _reopen(session, _describe_answerer, model=argument)
    session.say(_describe_answerer(session))
    return session


def _describe_answerer(session: Session) -> str:
    return describe_answerer(session.assistant, session.articles)


def _reopen(session: Session, describe: Callable[[Session], str], **settings: Any) -> Session:
    """Open the assistant anew with other settings, and `describe` what it is like then.

    Raises AssistantError, before anything changes, where that fails.
    """
    from assistant.front import Assistant

    assistant = Assistant(replace(session.assistant.settings, **settings))
    try:
        assistant.load_model()
        session_then = replace(session, assistant=assistant)
        session_then.say(describe(session_then))
    except BaseException:
        assistant.close()
        raise
    session.assistant.close()
    return session_then


# Of conversations -----------------------------------------------------------------------------------------------------


def _show_history(session: Session, argument: str) -> Session:
    found = session.assistant.conversations.list(argument or None, limit=LISTED)
    session.terminal.write(render_conversations(found, width=session.terminal.width))
    if not found:
        session.say("No conversation has these words." if argument else "No conversation is kept yet.")
    return session


def _resume(session: Session, argument: str) -> Session:
    id = argument or session.assistant.conversations.last()
    if id is None:
        raise SettingsError("no conversation is kept yet, so none can be resumed")
    return resume_conversation(session, id)


def resume_conversation(session: Session, id: str) -> Session:
    """Go on with a conversation that was kept, and show its last answer. Raises AssistantError where there is none."""
    turns = session.assistant.conversations.get(id).turns
    answers = tuple(turn.answer for turn in turns if turn.answer is not None)
    forgotten = len(turns) - len(answers)
    lost = f", {forgotten} of whose answers were forgotten with their articles" if forgotten else ""
    session.say(f"Resumed {id}, of {len(turns)} question{'' if len(turns) == 1 else 's'}{lost}.")
    if answers:
        session.terminal.write("\n")
        session.say(f"> {answers[-1].question}", style=session.terminal.styles.heading)
        session.terminal.write("\n")
        text = render_answer(answers[-1], context_of=session.assistant.context_of, width=session.terminal.width)
        session.terminal.write(paint_answer(text, session.terminal.styles))
        say_age(session, answers[-1])
    return replace(session, conversation=id).answered(*answers)


def say_age(session: Session, answer: Answer) -> None:
    """Say how old the newest source of an answer is, where a reader should know."""
    age = "" if session.until else describe_age(answer, today=session.assistant.settings.today or date.today())
    if age:
        session.say(age, style=session.terminal.styles.heading)


def begin_conversation(session: Session) -> Session:
    """Begin a conversation; where none can be kept, it is said once, and the chat goes on without."""
    session = replace(session, answers=(), unanswered="")
    if not session.is_kept:
        return session
    try:
        return replace(session, conversation=session.assistant.conversations.start())
    except LibraryError as error:
        return stop_keeping(session, error)


def stop_keeping(session: Session, error: AssistantError) -> Session:
    """Say why conversations can't be kept, and go on without."""
    session.say(f"Conversations aren't kept: {error}", style=session.terminal.styles.warning)
    return replace(session, is_kept=False)


def _start_anew(session: Session, _: str) -> Session:
    has_before = session.is_kept and (session.answers or session.unanswered == FORGOTTEN)
    session.say(f"A new conversation{'; the one before is kept: /history' if has_before else '.'}")
    return begin_conversation(session)


def _export(session: Session, argument: str) -> Session:
    if not argument:
        raise SettingsError("give a file to write: /export FILE, which ends in .md, .html or .json")
    if not session.answers:
        raise SettingsError(session.unanswered or NOTHING_ASKED)
    conversation = _read_conversation(session)
    answers = tuple(turn.answer for turn in conversation.turns if turn.answer is not None)
    if not answers:
        raise SettingsError(FORGOTTEN)
    path = Path(read_name(argument)).expanduser()
    write_page(path, _write_out(conversation, answers, path.suffix.lower(), session.assistant.passage_of))
    forgotten = len(conversation.turns) - len(answers)
    were = "was" if forgotten == 1 else "were"
    lost = f"; {forgotten} more {were} forgotten with the articles" if forgotten else ""
    session.say(f"{path}: {count_noun(len(answers), 'answer')} written{lost}.")
    return session


def _write_out(conversation: Conversation, answers: tuple[Answer, ...], suffix: str, passage_of: PassageOf) -> str:
    if suffix == ".md":
        return render_markdown(answers, passage_of=passage_of)
    if suffix == ".html":
        return render_html(answers, passage_of=passage_of)
    if suffix == ".json":
        return render_json(conversation_to_json(conversation))
    raise SettingsError(f"{suffix or 'a file without an ending'} is no format; end the name in .md, .html or .json")


def _read_conversation(session: Session) -> Conversation:
    """Read what is kept now, whatever is remembered here; where nothing is kept, it is what is remembered."""
    if session.is_kept:
        try:
            return session.assistant.conversations.get(session.conversation)
        except SettingsError:
            raise SettingsError(REMOVED) from None
    now = datetime.now(UTC)
    turns = (Turn(number, now, answer.question, answer) for number, answer in enumerate(session.answers, start=1))
    return Conversation(session.conversation, now, tuple(turns))


# Of the chat itself ---------------------------------------------------------------------------------------------------


def _show_help(session: Session, argument: str) -> Session:
    terminal = session.terminal
    if argument:
        command = _find_command(argument.removeprefix("/"))
        session.say(command.usage, style=terminal.styles.heading)
        session.say(f"{command.help} {command.details}".rstrip())
        return session
    indent = max(len(command.usage) for command in COMMANDS.values()) + 2
    for command in COMMANDS.values():
        text = wrap_text(f"{command.usage:<{indent}}{command.help}", terminal.width, indent=" " * indent)
        terminal.write(f"{text}\n")
    session.say("Anything else is a question. /help COMMAND says more of one; Ctrl-C stops an answer.")
    return session


def _quit(session: Session, _: str) -> Session:
    return replace(session, is_over=True)


def _list_numbers(session: Session) -> Iterator[str]:
    return (str(citation.number) for citation in (session.last.citations if session.has_last else ()))


def _list_ids(session: Session) -> Sequence[str]:
    try:
        return [clean_line(each.id) for each in session.assistant.conversations.list(limit=LISTED)]
    except LibraryError:  # which /resume itself says
        return []


def _list_outlets(session: Session) -> Sequence[str]:
    return [*dict.fromkeys(clean_line(outlet) for outlet in session.outlets), "off"]


def _list_days(session: Session) -> Sequence[str]:
    days = sorted({f"{each.published:%Y-%m-%d}" for each in session.articles if each.published}, reverse=True)
    return [*days, "off"]


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command(
            "why", _why, "N", "Show quote N in its passage, with its article, date and link.",
            "N is a number of the last answer.", _list_numbers,
        ),
        Command("sources", _show_sources, "", "Show the sources of the last answer again."),
        Command(
            "open", _open, "N", "Open the page of source N in your browser.",
            "Where there is no browser, as over ssh, it prints the address.", _list_numbers,
        ),
        Command(
            "articles", _list_articles, "[WORDS]", "List the articles, newest first, or those with these words.",
            "The words are looked for in title, outlet and date.",
            lambda session: (clean_line(article.title) for article in session.articles),
        ),
        Command(
            "add", _add, "SOURCE...", "Add articles: files, folders, addresses of pages, feeds or sitemaps.",
            "Put names with spaces in quotation marks where there are several. Ctrl-C keeps what was finished.",
            takes_file=True,
        ),
        Command(
            "since", _set_since, "[DATE]", "Ask only articles of this day or later; off clears it.",
            "Without a date it says which articles are asked.", _list_days,
        ),
        Command(
            "until", _set_until, "[DATE]", "Ask only articles of this day or before; off clears it.",
            "Without a date it says which articles are asked.", _list_days,
        ),
        Command(
            "outlet", _set_outlet, "[NAME]", "Ask only articles of this outlet; off clears it.",
            "Without a name it says which articles are asked.", _list_outlets,
        ),
        Command(
            "model", _set_model, "[MODEL]", "Say what answers and what leaves the machine, or have another answer.",
            "quotes, or a language model, PROVIDER:NAME such as openai:gpt-5-mini.", lambda _: (QUOTES, "openai:"),
        ),
        Command(
            "unsupported", _show_unsupported, "[mark|drop]",
            "Show what of the last answer isn't proven; mark or drop such.",
            "With mark or drop it says what happens to a language model's sentences that aren't, from now on.",
            lambda _: ("mark", "drop"),
        ),
        Command(
            "history", _show_history, "[WORDS]", "List the conversations that are kept, or those with these words.",
        ),
        Command(
            "resume", _resume, "[ID]", "Go on with the last conversation that is kept, or with this one.",
            "/history shows the ids.", _list_ids,
        ),
        Command("new", _start_anew, "", "Start a new conversation: nothing that was said before is taken up."),
        Command(
            "export", _export, "FILE", "Write the conversation as .md, .html or .json, with its quotes.",
            "A page that was written here before is replaced, and no other file."
            " `assistant check FILE` checks the quotes of a .json again.", takes_file=True,
        ),
        Command(
            "copy", _copy, "", "Copy the last answer with its sources to the clipboard.",
            "The terminal is asked to do it (OSC 52): not all can, and some want to be set to allow it.",
        ),
        Command(
            "help", _show_help, "[COMMAND]", "List the commands, or say more of one.",
            values=lambda _: tuple(COMMANDS),
        ),
        Command("quit", _quit, "", "Leave. Ctrl-D does too, and Ctrl-C twice."),
    )
}  # fmt: skip
