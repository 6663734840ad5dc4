"""What `--help` says of a command: its options in groups, examples, exit status and environment."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from typer.core import TyperCommand


class Example(NamedTuple):
    """A command line as it is typed, and what it does."""

    line: str
    meaning: str


GROUPS = {
    "Which articles": ("--outlet", "--since", "--until", "--today"),
    "What answers": (
        "--model", "--verifier", "--unsupported", "--threshold", "--window", "--max-cost", "--max-total-cost",
        "--price", "--verifier-price", "--no-cache",
    ),
    "The index": ("--index", "--embedding-model", "--wait"),
    "Output": ("--json", "--html", "--debug", "--help"),
}  # fmt: skip

EXAMPLES = {
    "": (
        Example("assistant ask \"What are Putin's conditions?\" articles/", "index a folder first, and answer"),
        Example("assistant chat", "ask one question after the other, and look at the proof"),
        Example("assistant COMMAND --help", "everything about a command"),
    ),
    "ask": (
        Example("assistant ask \"What are Putin's conditions?\" articles/", "index a folder first, then answer"),
        Example('assistant ask "What will the berth cost?" --until 2025-02-01', "as of that day"),
        Example('assistant ask "Who lost the vote?" --json | jq -r .answer', "for a script"),
        Example('assistant ask "Who lost the vote?" --html answer.html', "as a page to keep or to send"),
        Example('assistant ask "Who lost the vote?" --verifier openai:gpt-5', "a second model judges each sentence"),
        Example("assistant ask --questions questions.jsonl > answers.jsonl", "many questions, in order"),
    ),
    "chat": (
        Example("assistant chat", "with quotes, or with the model that the environment names"),
        Example("assistant chat --resume", "go on with the last conversation"),
        Example("assistant chat --model quotes --since 2025-03-01", "no language model, and only newer articles"),
        Example("assistant chat < questions.txt", "a question or a command a line"),
    ),
    "search": (
        Example('assistant search "berth at Port Ellery" --limit 3', "the three best passages"),
        Example('assistant search "flood" --outlet "Vale Observer" --explain', "and what their scores are made of"),
    ),
    "history": (
        Example("assistant history", "all conversations, the last one first"),
        Example("assistant history berth cost", "those with these words"),
        Example("assistant history --show 2026-11-22-k3f9", "one of them, whole"),
    ),
    "check": (
        Example("assistant check answer.json", "each quote again, in the articles as they are now"),
    ),
    "cases": (
        Example("assistant cases cases.jsonl", "questions of your articles, to keep, to edit or to drop"),
        Example("assistant cases new.jsonl --json --limit 100 > suggestions.jsonl", "only suggestions"),
        Example("assistant cases cases.jsonl --model openai:gpt-5-mini", "with questions that a language model writes"),
    ),
    "evaluate": (
        Example("assistant evaluate cases.jsonl --out a.json", "with the index and the model of every day"),
        Example("assistant evaluate cases.jsonl --articles articles/ --threshold 0.7 --out b.json", "other settings"),
        Example("assistant evaluate cases.jsonl --search-only", "only what searches find"),
        Example(
            "assistant evaluate cases.jsonl --judge openai:gpt-5 --judge-sample labelled.jsonl", "and a judge, judged"
        ),
    ),
    "compare": (
        Example("assistant compare a.json b.json", "what is better or worse, and what can't be told"),
        Example('assistant compare a.json b.json --gate "recall@5>=-0.01"', "fail where a figure fell, in CI"),
    ),
    "index": (
        Example("assistant index articles/ https://harbour-courier.example/feed.xml", "add a folder and a feed"),
        Example("assistant index --update", "look again at everything that was ever added"),
        Example("assistant index --list", "all articles with their ids"),
        Example("assistant index --remove ID", "forget an article for good"),
    ),
    "export": (Example("assistant export news.jsonl", "the whole index in one file"),),
    "import": (Example("assistant import news.jsonl", "take it in, on any machine"),),
    "doctor": (
        Example("assistant doctor", "look at everything"),
        Example("assistant doctor --repair", "and mend what can be mended"),
    ),
    "completion": (
        Example('eval "$(assistant completion bash)"', "in ~/.bashrc"),
        Example('eval "$(assistant completion zsh)"', "in ~/.zshrc, after compinit"),
        Example("assistant completion fish > ~/.config/fish/completions/assistant.fish", "once"),
    ),
}  # fmt: skip

_ERROR = "an error; one line on standard error says what to do"
_SUCCESS = (("0", "done"), ("2", _ERROR), ("130", "Ctrl-C"))
EXIT_STATUS = {
    "ask": (
        ("0", "the articles answer"),
        ("1", "they don't; the nearest passages are shown"),
        ("2", f"{_ERROR}; also where a source failed"),
        ("130", "Ctrl-C"),
    ),
    "chat": (
        ("0", "left by /quit or Ctrl-D, or at the end of standard input"),
        ("2", f"{_ERROR}; also where a line of standard input failed"),
        ("130", "Ctrl-C, twice at the prompt"),
    ),
    "search": (("0", "passages were found"), ("1", "none was"), ("2", _ERROR), ("130", "Ctrl-C")),
    "history": (("0", "there are such conversations"), ("1", "there is none"), ("2", _ERROR), ("130", "Ctrl-C")),
    "check": (("0", "every quote holds"), ("1", "one doesn't"), ("2", _ERROR), ("130", "Ctrl-C")),
    "cases": (
        ("0", "cases were added"), ("1", "none was"), ("2", _ERROR), ("130", "Ctrl-C; what was kept is in the file"),
    ),
    "evaluate": (
        ("0", "done"), ("2", f"{_ERROR}; also where a source failed"),
        ("130", "Ctrl-C; with --out it goes on from there"),
    ),
    "compare": (("0", "done, and every gate holds"), ("1", "a gate failed"), ("2", _ERROR), ("130", "Ctrl-C")),
    "index": (("0", "done"), ("2", f"{_ERROR}; also where a source failed"), ("130", "Ctrl-C; what is done is kept")),
    "doctor": (
        ("0", "all is well, or was mended"), ("1", "something is wrong that isn't mended"), ("2", _ERROR),
        ("130", "Ctrl-C"),
    ),
}  # fmt: skip

_MODELS = ("ask", "chat", "evaluate", "")
_SERVERS = (*_MODELS, "cases")
_PRINTING = ("chat", "")
ENVIRONMENT = (
    ("ASSISTANT_INDEX", "the index folder, where --index isn't given", None),
    ("ASSISTANT_CHROMA_URL", "the address of a Chroma server, where --chroma isn't given", None),
    ("ASSISTANT_CHROMA_TOKEN", "the token to it; CHROMA_API_KEY is the key to Chroma Cloud", None),
    ("ASSISTANT_MODEL", "what answers, where --model isn't given", _MODELS),
    ("ASSISTANT_VERIFIER", "the second model for each sentence, where --verifier isn't given", _MODELS),
    ("ASSISTANT_TRACING", "langsmith, where that service may see prompts and replies", _MODELS),
    ("OPENAI_BASE_URL", "a server that speaks OpenAI's protocol, such as http://localhost:11434/v1", _SERVERS),
    ("OPENAI_API_KEY", "the key to it, or to OpenAI; it is never shown and never stored", _SERVERS),
    ("ASSISTANT_OFFLINE", "set to 1: every connection is refused, as by --offline", None),
    ("NO_COLOR", "set to anything: no colours", _PRINTING),
    ("FORCE_COLOR", "set to anything: colours also where no terminal is", _PRINTING),
    ("TERM", "dumb: nothing but plain text is sent to the terminal", _PRINTING),
)
WITHOUT_INDEX = ("compare", "completion")


class ManualCommand(TyperCommand):
    """A command whose help has its options in groups, then examples, exit status and environment."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        parameters = self.get_params(ctx)
        arguments: list[Any] = [each for each in parameters if each.param_type_name == "argument"]
        # Typer has the type of an argument beside its name, which says nothing that its description doesn't.
        _write_rows(formatter, "Arguments", [(_name(each.get_help_record(ctx)[0]), each.help) for each in arguments])
        options = [each for each in parameters if each.param_type_name == "option"]
        grouped = {name for names in GROUPS.values() for name in names}
        own = [each for each in options if not grouped & set(each.opts)]
        _write_rows(formatter, "Options", [each.get_help_record(ctx) for each in own])
        for heading, names in GROUPS.items():
            rows = [each.get_help_record(ctx) for name in names for each in options if name in each.opts]
            _write_rows(formatter, heading, rows)

    def format_epilog(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # as Typer calls it
        """Write what comes after the options."""
        write_manual(formatter, self.name or "")


def write_manual(formatter: Any, command: str) -> None:
    """Write the examples, the exit status and the environment of a command, or of all together where it is ""."""
    with formatter.section("Examples"):
        for line, meaning in EXAMPLES[command]:
            formatter.write(f"{'':{formatter.current_indent}}{line}\n")  # whole, to be copied
            with formatter.indentation(), formatter.indentation():
                formatter.write_text(meaning)
    _write_rows(formatter, "Exit status", EXIT_STATUS.get(command, _SUCCESS) if command else _STATUSES)
    if command not in WITHOUT_INDEX:
        rows = [(name, text) for name, text, commands in ENVIRONMENT if commands is None or command in commands]
        _write_rows(formatter, "Environment", rows)


_STATUSES = (
    ("0", "yes"),
    ("1", "no: the articles don't answer, nothing was found, something is wrong"),
    ("2", _ERROR),
    ("130", "Ctrl-C"),
)


def _name(shown: str) -> str:
    return shown.partition(" <")[0]


def _write_rows(formatter: Any, heading: str, rows: Iterable[Any]) -> None:
    rows = [(name, text or "") for name, text in filter(None, rows)]
    if rows:
        with formatter.section(heading):
            formatter.write_dl(rows)
