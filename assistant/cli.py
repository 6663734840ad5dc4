"""The command line: every `assistant COMMAND`, its options, and what it prints.

Exit status as grep's: 0 yes, 1 no (the articles don't answer, nothing was found, a gate failed, the doctor found
something that isn't mended), 2 an error, 130 interrupted.
"""

import io
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import asdict, replace
from functools import partial, wraps
from importlib.metadata import version
from inspect import Signature, signature
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, TypeVar

import typer
from typer.completion import completion_init, get_completion_script  # type: ignore[attr-defined]  # as its own
from typer.core import TyperGroup

from assistant.answers import (
    answer_to_json,
    article_to_json,
    conversation_to_json,
    passage_to_json,
    understood_to_json,
)
from assistant.errors import AssistantError, EvaluationError, LibraryError, SettingsError
from assistant.manual import ManualCommand, write_manual
from assistant.questions import AskedQuestion, read_questions
from assistant.rendering import (
    check_to_json,
    clean_line,
    conversation_ref_to_json,
    count_noun,
    diagnosis_to_json,
    export_to_json,
    render_answer,
    render_articles,
    render_check,
    render_conversation,
    render_conversations,
    render_diagnosis,
    render_export,
    render_history,
    render_json,
    render_parts,
    render_passages,
    render_proof,
    render_report,
    render_understood,
    report_to_json,
    revision_to_json,
)
from assistant.settings import APPLICATION, LOCAL_EMBEDDING_MODEL, QUOTES, find_index, load_settings
from assistant.terminal import describe_answerer, describe_search, find_width, print_statements, show_progress
from assistant.types import IngestReport

if TYPE_CHECKING:
    from assistant.front import Assistant
    from assistant.ingest import Progress
    from assistant.streaming import AnswerStream

SOURCES = "files, folders, addresses of pages, feeds or sitemaps, or - for standard input"

PROGRAM = "assistant"
Shell = Literal["bash", "zsh", "fish"]
Returned = TypeVar("Returned")
MISTAKES_SHOWN = 20

OFFLINE = "--offline"  # which is said of every command, so it stands before or after its name
_is_offline: ContextVar[bool] = ContextVar("offline", default=False)

EXIT_NO = 1
EXIT_ERROR = 2
EXIT_INTERRUPTED = 130


class Outcome(NamedTuple):
    """What a command has to print, and whether something failed or the answer is no."""

    text: str
    has_failed: bool = False
    is_no: bool = False

    @property
    def status(self) -> int:
        """The exit status."""
        return EXIT_ERROR if self.has_failed else EXIT_NO if self.is_no else 0


class _Commands(TyperGroup):
    """The commands. Without a default, Typer would load pydantic to read a `--help` that wasn't given before one."""

    def get_help_option(self, ctx: Any) -> Any:
        option = super().get_help_option(ctx)
        if option is not None:
            option.default = False
        return option

    def parse_args(self, ctx: Any, args: list[str]) -> Any:
        end = args.index("--") if "--" in args else len(args)
        if OFFLINE in args[:end]:
            args = [OFFLINE, *(arg for arg in args[:end] if arg != OFFLINE), *args[end:]]
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        rows = [(name, self.commands[name].help or "") for name in self.list_commands(ctx)]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # as Typer calls it
        write_manual(formatter, "")


app = typer.Typer(
    cls=_Commands,
    help="Answers questions about news articles, and proves every sentence with a verbatim citation.",
    add_completion=False,
    invoke_without_command=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

IndexOption = Annotated[
    Path | None,
    typer.Option(
        "--index",
        metavar="DIR",
        help="The index folder. [default: $ASSISTANT_INDEX, ./index where it is one, else the user's data folder]",
        show_default=False,
    ),
]
ChromaOption = Annotated[
    str | None,
    typer.Option(
        "--chroma",
        metavar="URL",
        help="Share the library: keep it in the Chroma server at this address, under the name of the index."
        " [default: $ASSISTANT_CHROMA_URL]",
        show_default=False,
    ),
]
InsecureOption = Annotated[
    bool, typer.Option("--insecure", help="Allow an address of a Chroma server that is http: and not this machine's.")
]
EmbeddingOption = Annotated[
    str | None,
    typer.Option(
        "--embedding-model",
        metavar="MODEL",
        help=f"{LOCAL_EMBEDDING_MODEL}, which runs here, or openai:NAME at OPENAI_BASE_URL. [default:"
        f" {LOCAL_EMBEDDING_MODEL}]",
        show_default=False,
    ),
]
ModelOption = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODEL",
        help="What answers: quotes, which are the sentences that answer, verbatim; or a language model, PROVIDER:NAME"
        " such as openai:gpt-5-mini, or openai: for the first that the server at $OPENAI_BASE_URL lists. [default:"
        " $ASSISTANT_MODEL, a language model where $OPENAI_API_KEY or $OPENAI_BASE_URL is set, else quotes]",
        show_default=False,
    ),
]
VerifierOption = Annotated[
    str | None,
    typer.Option(
        "--verifier",
        metavar="MODEL",
        help="Have this language model, PROVIDER:NAME, say yes to each sentence of the one that answers before it is"
        " shown as proven. Quotes are verbatim and need none. [default: $ASSISTANT_VERIFIER]",
        show_default=False,
    ),
]
UnsupportedOption = Annotated[
    str | None,
    typer.Option(
        metavar="mark|drop",
        autocompletion=lambda: ["mark", "drop"],
        help="Show sentences of a language model that its citations don't prove, marked as such, or drop them."
        " [default: mark]",
        show_default=False,
    ),
]
WindowOption = Annotated[
    int | None,
    typer.Option(
        metavar="TOKENS",
        help="How much the language model reads and writes at once. [default: 8192 at $OPENAI_BASE_URL, else 32768]",
        show_default=False,
    ),
]
MaxCostOption = Annotated[
    float | None, typer.Option(metavar="DOLLARS", help="Ask a language model nothing that could cost more than this.")
]
MaxTotalOption = Annotated[
    float | None,
    typer.Option(metavar="DOLLARS", help="Ask nothing more when all answers of this run could cost more than this."),
]
NoCacheOption = Annotated[
    bool, typer.Option("--no-cache", help="Ask a language model again what it was asked before, and keep no reply.")
]
PriceOption = Annotated[
    str | None,
    typer.Option(
        metavar="IN/OUT",
        help="What a million tokens cost in dollars, sent and received, where the list price isn't known or right.",
    ),
]
VerifierPriceOption = Annotated[
    str | None,
    typer.Option(metavar="IN/OUT", help="The same of the verifier, where it isn't the model that answers."),
]
OutletOption = Annotated[str | None, typer.Option(metavar="NAME", help="Only articles of this outlet.")]
SinceOption = Annotated[str | None, typer.Option(metavar="DATE", help="Only articles published on this day or later.")]
UntilOption = Annotated[str | None, typer.Option(metavar="DATE", help="Only articles published on this day or before.")]
TodayOption = Annotated[
    str | None,
    typer.Option(
        metavar="DATE",
        help='The day that "this week" is seen from. [default: that of the newest article]',
        show_default=False,
    ),
]
HtmlOption = Annotated[
    Path | None,
    typer.Option(
        "--html",
        metavar="FILE",
        help="Write the answer to this file, too, as a page with each quote in its passage; one that was written so"
        " before is replaced.",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
DebugOption = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
PrivateOption = Annotated[
    bool,
    typer.Option(
        "--allow-private",
        help="Fetch from the hosts that are named though they aren't public, such as those of a home.",
    ),
]
ThresholdOption = Annotated[
    float | None, typer.Option(metavar="P", help="Answer from this confidence on, between 0 and 1; abstain below.")
]

WaitOption = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Wait this long for another process that is writing. [default: 1]"),
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"assistant {version(APPLICATION)}")
        raise typer.Exit


@app.callback()
def _root(
    context: typer.Context,
    offline: Annotated[
        bool,
        typer.Option(
            OFFLINE,
            help="Refuse every connection; it may stand after COMMAND, too. [default: $ASSISTANT_OFFLINE]",
            show_default=False,
        ),
    ] = False,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    _is_offline.set(offline)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@contextmanager
def _open(index: Path | None, **settings: Any) -> Iterator["Assistant"]:
    from assistant.front import Assistant  # needs numpy, and --help and --version mustn't wait for that

    folder = find_index(index)
    with Assistant.open(folder, offline=_is_offline.get() or None, **settings) as assistant:
        yield assistant


def _say_failures(report: "IngestReport") -> None:
    for failure in report.failed:
        sys.stderr.write(f"assistant: {clean_line(failure.source)}: {clean_line(failure.reason)}\n")


def _take_in(assistant: "Assistant", take_in: "Callable[[Progress | None], IngestReport]") -> IngestReport:
    """Index, with progress on a terminal, and say what came of it on stderr."""
    try:
        with show_progress("Indexing") as progress:
            report = take_in(progress)
    except KeyboardInterrupt:
        _complain("interrupted; what was finished is kept, and the same command goes on from there")
        raise
    _say_failures(report)
    for id in report.gone:
        if id not in report.removed:
            sys.stderr.write(f"gone from its source, and still in the index: {clean_line(id)}\n")
    sys.stderr.write(f"{clean_line(str(assistant.settings.index))}: {render_report(report)}\n")
    if len(report.gone) > len(report.removed):
        sys.stderr.write("What is gone can be removed: give the same command with --remove-gone.\n")
    return report


def _say_who_answers(assistant: "Assistant") -> None:
    """Say what answers, from where, and whether anything leaves the machine; on stderr, so that pipes stay clean."""
    articles = [] if assistant.library_host else assistant.articles()
    sys.stderr.write(f"{describe_answerer(assistant, articles)}\n")
    sys.stderr.flush()


def _say_how_searched(assistant: "Assistant") -> None:
    if said := describe_search(assistant, is_done=True):
        sys.stderr.write(f"{said}\n")


def _read_price(price: str | None) -> tuple[float, float] | None:
    if price is None:
        return None
    try:
        sent, received = map(float, price.split("/"))
    except ValueError:
        raise SettingsError(f"price {price!r} is not two sums of dollars; write it as 0.25/2") from None
    return sent, received


def _read_settings(
    *,
    model: ModelOption = None,
    verifier: VerifierOption = None,
    unsupported: UnsupportedOption = None,
    window: WindowOption = None,
    max_cost: MaxCostOption = None,
    max_total_cost: MaxTotalOption = None,
    price: PriceOption = None,
    verifier_price: VerifierPriceOption = None,
    threshold: ThresholdOption = None,
    today: TodayOption = None,
    wait: WaitOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
) -> dict[str, Any]:
    """Read the options that say how questions are answered."""
    return {
        "model": model,
        "verifier": verifier,
        "unsupported": unsupported,
        "window": window,
        "max_cost": max_cost,
        "max_total_cost": max_total_cost,
        "price": _read_price(price),
        "verifier_price": _read_price(verifier_price),
        "threshold": threshold,
        "today": today,
        "wait": wait,
        "embedding_model": embedding_model,
        "chroma": chroma,
        "insecure": insecure,
    }


def _take_settings(command: Callable[..., Returned]) -> Callable[..., Returned]:
    """Give a command the options of `_read_settings` in the place of its `settings`."""
    options = signature(_read_settings).parameters

    @wraps(command)
    def run(**given: Any) -> Returned:
        read = _read_settings(**{name: given.pop(name) for name in options})
        return command(**given, settings=read)

    own = signature(command).parameters.values()
    every = [option for each in own for option in (options.values() if each.name == "settings" else [each])]
    run.__signature__ = Signature(every)  # type: ignore[attr-defined]  # where Typer looks for options
    return run


def _print_json(stream: "AnswerStream", question: str) -> str:
    """Give an answer as JSON; where it fails, print what was proven by then, with what stopped it."""
    try:
        return render_json(answer_to_json(stream.answer))
    except (AssistantError, KeyboardInterrupt) as error:
        sys.stdout.write(render_json(_describe_failure(stream, question, str(error) or "interrupted")))
        sys.stdout.flush()
        raise


def _describe_failure(stream: "AnswerStream", question: str, error: str) -> dict[str, Any]:
    """Give what was settled of an answer that failed, and only the question where nothing was, with the error."""
    settled = answer_to_json(stream.so_far) if stream.has_settled else {"question": question}
    return {**settled, "error": error}


def _ask_all(assistant: "Assistant", questions: Iterable[AskedQuestion]) -> Outcome:
    """Ask questions one by one, and print the answer of each, or what was wrong with it, on a line as it comes."""
    asked = failed = answered = 0
    with nullcontext() if sys.stdout.isatty() else show_progress("Answering") as progress:
        for question in questions:
            value = {} if question.id is None else {"id": question.id}
            value |= _answer(assistant, question)
            asked += 1
            failed += "error" in value
            answered += value.get("abstained") is False
            try:
                sys.stdout.write(render_json(value))
                sys.stdout.flush()
            except BrokenPipeError:
                _drop_output()  # the reader has seen enough, so no more is asked
                break
            if progress:
                progress(asked, asked)
    if failed:
        _complain(f'{failed} of {asked} questions failed; the "error" of each says why')
    return Outcome("", has_failed=bool(failed), is_no=not answered)


def _answer(assistant: "Assistant", asked: AskedQuestion) -> dict[str, Any]:
    """Answer a question as JSON, with an "error" where that failed, beside what was proven before it did."""
    if asked.question is None or asked.problem is not None:
        return {"question": asked.question, "error": asked.problem}
    try:
        with assistant.stream(asked.question, outlet=asked.outlet, since=asked.since, until=asked.until) as stream:
            try:
                return answer_to_json(stream.answer)
            except AssistantError as error:
                return _describe_failure(stream, asked.question, str(error))
    except AssistantError as error:  # of the question itself
        return {"question": asked.question, "error": str(error)}


@contextmanager
def _open_questions(
    name: str | None, *, outlet: str | None, since: str | None, until: str | None
) -> Iterator[Iterable[AskedQuestion] | None]:
    """Open a file of questions, where there is one; what a line says of outlet and time goes before what all have."""
    if name is None:
        yield None
        return
    try:
        is_piped = name == "-" and sys.stdin is not None
        file = sys.stdin.buffer if is_piped else Path(name).open("rb")  # noqa: SIM115  # closed below
    except OSError as error:
        raise SettingsError(f"{name}: can't be read ({error.strerror or error})") from error
    with file:
        yield (
            replace(each, outlet=each.outlet or outlet, since=each.since or since, until=each.until or until)
            for each in read_questions(file)
        )


@app.command()
@_take_settings
def ask(
    question: Annotated[str | None, typer.Argument(metavar="QUESTION", help="What to ask.", show_default=False)] = None,
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help=f"What to index first: {SOURCES}.")
    ] = None,
    questions: Annotated[
        str | None,
        typer.Option(
            "--questions",
            metavar="FILE",
            help="Ask the questions of a file, or of standard input (-), instead of QUESTION: one a line, as text or as"
            ' JSON, {"question": ...}, with "outlet", "since", "until" and "id" if you like. Prints a JSON object for'
            " each, in order.",
            show_default=False,
        ),
    ] = None,
    allow_private: PrivateOption = False,
    outlet: OutletOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    *,
    settings: dict[str, Any],
    no_cache: NoCacheOption = False,
    index: IndexOption = None,
    html: HtmlOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Answer a question from the articles, with citations; exit with 1 when they don't answer it."""
    if questions is not None:
        sources = [*filter(None, [question]), *(sources or ())]
        if questions == "-" and "-" in sources:
            raise typer.BadParameter("standard input holds questions or an article, not both")
    elif question is None:
        raise typer.BadParameter("give a QUESTION, or --questions FILE")
    if html and questions is not None:
        raise typer.BadParameter("--html is of one QUESTION, and --questions asks several")
    if html:
        from assistant.reports import check_replaceable, render_html, write_page

        check_replaceable(html)  # before anything is asked, which may cost money
    asked = _open_questions(questions, outlet=outlet, since=since, until=until)
    with asked as lines, _open(index, **settings, keep_replies=not no_cache) as assistant:
        report = None
        if sources:
            given = partial(assistant.add, sources, allow_private=allow_private, say=_say)
            report = _take_in(assistant, lambda progress: given(progress=progress))
        if assistant.model_host:
            _say_who_answers(assistant)  # before anything is sent there

        if lines is not None:
            if not assistant.model_host:
                _say_who_answers(assistant)
            outcome = _ask_all(assistant, lines)
            return outcome._replace(has_failed=outcome.has_failed or bool(report and report.failed))
        context_of = assistant.context_of
        with assistant.stream(question or "", outlet=outlet, since=since, until=until) as stream:
            if as_json:
                text = _print_json(stream, question or "")
            elif assistant.model_host:
                print_statements(stream, context_of=context_of, write=_write)
            answer = stream.answer
        if not assistant.model_host:
            _say_who_answers(assistant)
        _say_how_searched(assistant)
        is_unwritten = False
        if html:
            try:
                write_page(html, render_html((answer,), passage_of=assistant.passage_of))
                sys.stderr.write(f"{clean_line(str(html))}: written\n")
            except AssistantError as error:  # the answer is shown all the same
                _complain(str(error))
                is_unwritten = True
        if assistant.model_host and not as_json:
            text = render_understood(answer.understood, width=find_width())
            text += render_proof(answer, context_of=context_of, width=find_width())
        elif not as_json:
            text = render_answer(answer, context_of=context_of, width=find_width())
    return Outcome(text, has_failed=is_unwritten or bool(report and report.failed), is_no=answer.abstained)


@app.command()
@_take_settings
def chat(
    id: Annotated[
        str | None, typer.Argument(metavar="ID", help="With --resume, the conversation; else it is the last one.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with a conversation that is kept.")] = False,
    outlet: OutletOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    *,
    settings: dict[str, Any],
    no_cache: NoCacheOption = False,
    index: IndexOption = None,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> int:
    """Ask one question after the other, with commands to see the proof; conversations are kept."""
    if id is not None and not resume:
        raise typer.BadParameter(f"to go on with conversation {id}, say --resume {id}")
    settings["keep_replies"] = not no_cache
    settings["offline"] = _is_offline.get() or None
    folder = find_index(index)
    load_settings(folder, **settings)  # what is impossible is said before there is a prompt
    from assistant.chat import LAST, run_chat  # needs prompt_toolkit, and no other command waits for that

    def open_assistant() -> "Assistant":
        from assistant.front import Assistant

        return Assistant.open(folder, **settings)

    return run_chat(open_assistant, resume=(id or LAST) if resume else None, outlet=outlet, since=since, until=until)


@app.command()
def search(
    question: Annotated[str, typer.Argument(metavar="QUESTION", help="What to look for.")],
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most this many passages.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each part contributed to the scores.")] = False,
    outlet: OutletOption = None,
    since: SinceOption = None,
    until: UntilOption = None,
    today: TodayOption = None,
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Show the passages that bear on a question, best first; exit with 1 when there is none."""
    with _open(index, today=today, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
        found = assistant.search(question, limit, outlet=outlet, since=since, until=until)
        understood = assistant.understand(question, outlet=outlet, since=since, until=until)
        _say_how_searched(assistant)
    if as_json:
        passages = [passage_to_json(each, explain=explain) for each in found]
        read = [understood_to_json(each) for each in understood]
        text = render_json({"question": question, "understood": read, "passages": passages})
    else:
        text = render_understood(understood, width=find_width())
        text += render_passages(found, width=find_width()) or "Nothing was found.\n"
        if explain and found:
            text += f"\n{render_parts(found)}"
    return Outcome(text, is_no=not found)


@app.command()
def history(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="WORDS", help="Only conversations with all of these words in them.")
    ] = None,
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="At most this many conversations.")] = 50,
    show: Annotated[str | None, typer.Option("--show", metavar="ID", help="Show this conversation.")] = None,
    remove: Annotated[str | None, typer.Option(metavar="ID", help="Forget this conversation for good.")] = None,
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """List the conversations that are kept, the last one first, or show one; exit with 1 when there is none."""
    if bool(words) + (show is not None) + (remove is not None) > 1:
        raise typer.BadParameter("give words, --show ID or --remove ID")
    with _open(index, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
        kept = assistant.conversations
        if remove is not None:
            kept.remove(remove)
            sys.stderr.write(f"removed: {clean_line(remove)}\n")
            return Outcome(render_json({"removed": remove}) if as_json else "")
        if show is not None:
            conversation = kept.get(show)
            if as_json:
                return Outcome(render_json(conversation_to_json(conversation)))
            context_of = assistant.context_of
            return Outcome(render_conversation(conversation, context_of=context_of, width=find_width()))
        found = kept.list(" ".join(words or ()), limit)
    if as_json:
        text = render_json({"conversations": [conversation_ref_to_json(each) for each in found]})
    else:
        text = render_conversations(found, width=find_width()) or "No conversation was found.\n"
    return Outcome(text, is_no=not found)


@app.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE", help="What `ask --json` or `history --show ID --json` printed, or - for standard input."
        ),
    ],
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Check answers again, each quote in its article and what it is to prove; exit with 1 when one doesn't hold."""
    with _open(index, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
        report = assistant.check(file)
    text = render_json(check_to_json(report)) if as_json else render_check(report, width=find_width())
    return Outcome(text, is_no=not report.holds)


@app.command("index")
def index_command(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="SOURCE", help=f"What to add or bring up to date: {SOURCES}.")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="Look again at all sources that were ever added, for what has changed.")
    ] = False,
    remove_gone: Annotated[
        bool, typer.Option("--remove-gone", help="Remove the articles that their sources don't hold any more.")
    ] = False,
    published: Annotated[
        str | None,
        typer.Option("--published", metavar="DATE", help="When the articles were published, whatever they say."),
    ] = None,
    outlet: Annotated[
        str | None, typer.Option(metavar="NAME", help="The outlet of the articles, whatever they say.")
    ] = None,
    allow_private: PrivateOption = False,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Forget the article of this id or address.")
    ] = None,
    forget: Annotated[
        list[str] | None,
        typer.Option(
            "--forget-source", metavar="SOURCE", help="Forget a source, and the articles that no other one holds."
        ),
    ] = None,
    forget_outlets: Annotated[
        list[str] | None,
        typer.Option(
            "--forget-outlet", metavar="OUTLET", help="Forget all articles of an outlet, by its name or its host."
        ),
    ] = None,
    trust_sources: Annotated[
        bool,
        typer.Option(
            "--trust-sources",
            help="With --update, look also at sources that somebody else added, or you elsewhere.",
        ),
    ] = False,
    show: Annotated[bool, typer.Option("--list", help="List the articles.")] = False,
    history: Annotated[
        str | None,
        typer.Option("--history", metavar="ID", help="Show what this article says, and said before."),
    ] = None,
    on: Annotated[
        str | None,
        typer.Option("--on", metavar="DATE", help="With --history, only what was known on this day."),
    ] = None,
    wait: WaitOption = None,
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Add articles to the index, remove them, or list them; unchanged ones cost nothing."""
    if trust_sources and not update:
        raise typer.BadParameter("--trust-sources is said with --update")
    if not (sources or update or remove or forget or forget_outlets or show or history):
        raise typer.BadParameter(
            "give a source to add, or --update, --remove ID, --forget-source SOURCE, --forget-outlet OUTLET, --list, or"
            " --history ID"
        )
    if sources and update:
        raise typer.BadParameter("give sources, or --update, which looks at all that are known")
    if (published or outlet or allow_private) and not sources:
        remembered = "are remembered of the sources that they were said of" if update else "are said of sources"
        raise typer.BadParameter(f"--published, --outlet and --allow-private {remembered}: give these")
    if remove_gone and not (sources or update):
        raise typer.BadParameter("--remove-gone needs --update, or sources to look at")
    if on and not history:
        raise typer.BadParameter("--on is said with --history ID")
    with _open(index, wait=wait, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
        removed_by_hand = assistant.remove(*remove) if remove else []
        for id in removed_by_hand:
            sys.stderr.write(f"removed: {clean_line(id)}\n")
        forgotten = []
        for source in forget or ():
            ids = assistant.forget_source(source)
            forgotten += ids
            sys.stderr.write(f"forgotten: {clean_line(source)}, with {count_noun(len(ids), 'article')}\n")
        for outlet_name in forget_outlets or ():
            ids = assistant.forget_outlet(outlet_name)
            forgotten += ids
            sys.stderr.write("".join(f"removed: {clean_line(id)}\n" for id in ids))
            sys.stderr.write(f"forgotten: {clean_line(outlet_name)}, with {count_noun(len(ids), 'article')}\n")
        report = None
        if sources:
            given = partial(assistant.add, sources, published=published, outlet=outlet, allow_private=allow_private)
            report = _take_in(assistant, lambda progress: given(remove_gone=remove_gone, progress=progress, say=_say))
        elif update:
            again = partial(assistant.update, trust_sources=trust_sources, remove_gone=remove_gone, say=_say)
            report = _take_in(assistant, lambda progress: again(progress=progress))
        articles = assistant.articles() if show else []
        revisions = assistant.history_of(history, on=on) if history else []
    if as_json:
        listed = {"articles": [article_to_json(article) for article in articles]} if show else {}
        told = {"revisions": [revision_to_json(revision) for revision in revisions]} if history else {}
        reported = report_to_json(report) if report else {}
        removed = [*removed_by_hand, *forgotten, *(report.removed if report else ())]
        text = render_json({**reported, "removed": removed, **listed, **told})
    else:
        text = render_articles(articles) + render_history(revisions, width=find_width())
    return Outcome(text, has_failed=bool(report and report.failed))


@app.command()
@_take_settings
def evaluate(
    cases: Annotated[
        Path,
        typer.Argument(
            metavar="CASES", help="Questions with what is known of their answers: JSON Lines, or a public set."
        ),
    ],
    articles: Annotated[
        list[str] | None,
        typer.Option(
            "--articles",
            metavar="SOURCE",
            help=f"Ask these alone, in an index of their own unless --index names one: {SOURCES}. [default: the index,"
            " or the articles of a public set]",
            show_default=False,
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="FILE", help="Write the result here; the same command goes on where it was stopped."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only so many cases, drawn by --seed.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="What draws the cases of --limit.")] = 0,
    search_only: Annotated[
        bool, typer.Option("--search-only", help="Measure what searches find, and ask for no answers.")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(
            "--judge",
            metavar="MODEL",
            help="Ask this language model, PROVIDER:NAME, of each sentence of an answer whether what it cites"
            " supports it.",
        ),
    ] = None,
    judge_sample: Annotated[
        Path | None,
        typer.Option(
            "--judge-sample",
            metavar="FILE",
            help="Statements that people labelled, as JSON Lines, to measure the judge's agreement with them on.",
        ),
    ] = None,
    allow_private: PrivateOption = False,
    *,
    settings: dict[str, Any],
    index: IndexOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Measure how well the questions of a file are answered."""
    from assistant.evaluation import running, tables
    from assistant.evaluation.cases import load_cases
    from assistant.evaluation.judging import Judge

    if judge_sample and not judge:
        raise typer.BadParameter("--judge-sample says how far a judge is to be trusted: name it with --judge MODEL")
    loaded = load_cases(cases)
    is_own = index is None and bool(articles or loaded.articles)  # an index of these articles and nothing else
    if is_own:
        index = running.find_index(loaded, articles or ())
    # A reply that was kept takes no time and costs nothing.
    with _open(index, **settings, keep_replies=False) as assistant, ExitStack() as opened:
        judging = None
        if judge:
            judging = opened.enter_context(closing(Judge.open(judge, assistant.settings, sample=judge_sample)))
        report = None
        if articles or loaded.articles:
            given = partial(assistant.add, [*loaded.articles, *(articles or ())], allow_private=allow_private)
            report = _take_in(assistant, lambda progress: given(remove_gone=is_own, progress=progress))
        if not search_only:
            _say_who_answers(assistant)
        if judging:
            _say(f"Judged by {judging.model.name}; answers and quotes are sent to {judging.model.host}.")
        measure = partial(running.evaluate, out=out, limit=limit, seed=seed, search_only=search_only, judge=judging)
        try:
            with show_progress("Evaluating") as progress:
                result = measure(loaded, assistant, progress=progress)
        except KeyboardInterrupt:
            kept = "what was measured is kept, and the same command goes on from there" if out else "nothing is kept"
            _complain(f"interrupted; {kept}{'' if out else ' without --out'}")
            raise
    text = render_json(result.to_json()) if as_json else tables.render_result(result)
    return Outcome(text, has_failed=bool(report and report.failed))


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(metavar="A", help="The result that is compared with.")],
    after: Annotated[Path, typer.Argument(metavar="B", help="The result that may be better.")],
    metric: Annotated[
        list[str] | None,
        typer.Option(
            "--metric", metavar="NAME", help="Look at this figure only; each further look makes it harder to tell."
        ),
    ] = None,
    gate: Annotated[
        list[str] | None,
        typer.Option(
            "--gate", metavar="NAME>=X", help="Exit with 1 where this figure's change for the better is below X."
        ),
    ] = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Say whether one result of `evaluate` is better than another, how sure that is, and what would make it surer."""
    from assistant.evaluation import comparing, tables
    from assistant.evaluation.results import load_result

    gates = [comparing.Gate.parse(each) for each in gate or ()]
    compared = comparing.compare(load_result(before), load_result(after), metrics=metric or (), gates=gates)
    text = render_json(compared.to_json()) if as_json else tables.render_comparison(compared)
    return Outcome(text, is_no=not compared.has_passed)


@app.command("cases")
def cases_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that cases are added to.")],
    limit: Annotated[int, typer.Option("--limit", metavar="N", min=1, help="Stop when so many are kept.")] = 30,
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="What draws the sentences.")] = 0,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            metavar="MODEL",
            help="Have this language model, PROVIDER:NAME, suggest questions of what articles say. [default: by rule,"
            " from single sentences]",
            show_default=False,
        ),
    ] = None,
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print suggestions, a line each, and ask nothing.")] = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Make cases for `evaluate` of the articles: shows questions with their evidence, to keep, to edit or to drop."""
    from itertools import islice

    from assistant.evaluation import suggesting
    from assistant.front import open_model

    review = suggesting.Review(file)
    dropped: list[str] = []

    def show(suggestion: suggesting.Suggestion) -> None:
        title, quote = clean_line(suggestion.title), clean_line(suggestion.quote)
        sys.stdout.write(f"\n{title}\n    “{quote}”\n{clean_line(suggestion.question)}\n")

    with ExitStack() as opened:
        with _open(index, model=model, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
            articles = [assistant.article(ref.id) for ref in assistant.articles()]
            settings = assistant.settings
        if not articles:
            place = settings.chroma or settings.index
            raise LibraryError(f"{place}: no articles yet to make cases of; add some with `assistant index SOURCE`")
        suggestions = suggesting.suggest_cases(articles, seed=seed)
        if model and settings.model != QUOTES:
            chat = opened.enter_context(closing(open_model(settings.model, settings)))
            _say(f"Suggested by {chat.name}; parts of articles are sent to {chat.host}.")
            suggestions = suggesting.suggest_with_model(articles, chat, seed=seed, drop=dropped.append)
        if as_json:
            found = list(islice(filter(review.is_open, suggestions), limit))
            outcome = Outcome("".join(render_json(asdict(each)) for each in found), is_no=not found)
        else:
            kept = suggesting.review_cases(suggestions, review, show=show, ask=input, limit=limit)
            added = f"{count_noun(kept, 'case')} {'was' if kept == 1 else 'were'} added to {clean_line(str(file))}"
            outcome = Outcome(f"\n{added}.\n", is_no=not kept)
    if dropped:
        count = count_noun(len(dropped), "suggestion")
        _say(f"Dropped: {count} of the model without a question, or with a quote that isn't in the article.")
    return outcome


@app.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, which mustn't exist yet.")],
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Write the whole index, articles and vectors, to one file."""
    with (
        _open(index, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant,
        show_progress("Exporting") as progress,
    ):
        report = assistant.export(file, progress=progress)
    return Outcome(render_json(export_to_json(report)) if as_json else f"{file}: {render_export(report)}\n")


@app.command("import")
def import_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that `assistant export` wrote.")],
    wait: WaitOption = None,
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Take in what was exported elsewhere, with no embedding; changed articles are replaced."""
    with _open(index, wait=wait, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
        with show_progress("Importing") as progress:
            report = assistant.import_file(file, progress=progress)
        _say_failures(report)
        sys.stderr.write(f"{assistant.settings.index}: {render_report(report)}\n")
    return Outcome(render_json(report_to_json(report)) if as_json else "", has_failed=bool(report.failed))


@app.command()
def doctor(
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    wait: WaitOption = None,
    index: IndexOption = None,
    embedding_model: EmbeddingOption = None,
    chroma: ChromaOption = None,
    insecure: InsecureOption = False,
    as_json: JsonOption = False,
    debug: DebugOption = False,  # noqa: ARG001  # read in main
) -> Outcome:
    """Look at all of the index and say what is wrong with it; exit with 1 when something is, and isn't mended."""
    with _open(index, wait=wait, embedding_model=embedding_model, chroma=chroma, insecure=insecure) as assistant:
        with show_progress("Examining") as progress:
            diagnosis = (assistant.repair if repair else assistant.examine)(progress=progress)
        place = clean_line(str(assistant.settings.index))
    text = render_json(diagnosis_to_json(diagnosis)) if as_json else f"{place}: {render_diagnosis(diagnosis)}"
    return Outcome(text, is_no=not diagnosis.is_healthy)


@app.command()
def completion(
    shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="The shell that it is for.")],
) -> Outcome:
    """Print what makes a shell complete the commands and options, when it is evaluated there."""
    script = get_completion_script(prog_name=PROGRAM, complete_var=f"_{PROGRAM.upper()}_COMPLETE", shell=shell)
    return Outcome(f"{script}\n")


for _command in app.registered_commands:
    _command.cls = ManualCommand


def main() -> None:
    """Run the command line: every error is one line on stderr, and no traceback without --debug."""
    _open_missing_streams()
    completion_init()  # a shell may be asking what to complete
    status = EXIT_ERROR
    try:
        outcome = app(standalone_mode=False)
        # Else it is the status of --help, or EXIT_INTERRUPTED after Ctrl-C.
        status = outcome.status if isinstance(outcome, Outcome) else outcome or 0
        if isinstance(outcome, Outcome):
            sys.stdout.write(outcome.text)
        sys.stdout.flush()
    except KeyboardInterrupt:
        status = EXIT_INTERRUPTED
    except BrokenPipeError:
        _drop_output()  # the reader has seen enough, as `head` does
    except typer.TyperException as error:
        _complain(f"{error.format_message()} (see assistant --help)")
    except Exception as error:
        if "--debug" in sys.argv:
            traceback.print_exc()
        # What isn't ours is a mistake of ours, and must not look like the answer no, which is the status 1.
        known = isinstance(error, AssistantError | OSError)
        if isinstance(error, OSError):
            _drop_output()
        # What comes without a name of a file comes from a stream.
        if isinstance(error, OSError) and error.filename is None:
            error = SettingsError(f"standard output can't be written: {error.strerror or error}")
        _complain(str(error) if known else f"{type(error).__name__}: {error} (run it again with --debug to report it)")
        for mistake in error.mistakes[1:MISTAKES_SHOWN] if isinstance(error, EvaluationError) else ():
            _complain(mistake)
        status = EXIT_ERROR
    if status == EXIT_INTERRUPTED:  # who presses Ctrl-C again while Python ends gets the same status
        with suppress(ValueError):  # in a thread, which gets none
            signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


def _open_missing_streams() -> None:
    """Make the standard streams what can be written to: a closed one is nowhere, and no character is impossible."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115  # open to the end
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _drop_output() -> None:
    """Send what wasn't written nowhere, for Python would try again at its end, and complain."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _say(message: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"{clean_line(message)}\n")


def _complain(message: str) -> None:
    with suppress(OSError):
        sys.stderr.write(f"assistant: {clean_line(message)}\n")
