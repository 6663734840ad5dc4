"""Answers as pages to keep, print and send: one HTML file that runs nothing and fetches nothing, or Markdown.

Nothing of an answer is put into a page before it is cleaned and escaped: the templates' environments do it to every
value, so a template can't forget it. Links lead out to the addresses of cited articles only, and those are written
anew from their parts.
"""

import base64
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from assistant.addresses import parse_address
from assistant.answers import read_conversation_id
from assistant.errors import AnswerError, ArticleError, SettingsError
from assistant.rendering import (
    NEAREST_SHOWN,
    clean,
    clean_line,
    describe_article,
    describe_flags,
    describe_sources,
    frame_statements,
    list_copies,
    write_day,
)
from assistant.settings import QUOTES
from assistant.types import Answer, ArticleRef, Citation, QuotedPassage, Span

if TYPE_CHECKING:
    from jinja2 import Environment

PassageOf = Callable[[Citation], QuotedPassage | None]

TEMPLATES = Path(__file__).parent / "templates"
MARK = "Written by news-assistant"  # at the beginning of each page, by which it is known for one of ours
MARK_BYTES = 128  # within which it stands

# Text fragments (https://wicg.github.io/scroll-to-text-fragment/): a long quote is named by its first and last words,
# as browsers themselves do, and one that may stand elsewhere on its page, too, by the words beside it.
MAX_EXACT_CHARACTERS = 300
RANGE_WORDS = 6
BESIDE_WORDS = 4
MIN_DISTINCT_WORDS = 4


@dataclass(frozen=True, slots=True)
class _Sentence:
    """A statement as it is shown: `context` is read before it and no part of it, `numbers` are of its citations."""

    number: int
    context: str
    text: str
    days: str
    sources: str
    numbers: tuple[int, ...]
    is_supported: bool
    reasons: str
    lost: tuple[str, ...]


class _Target(str):
    """The target of a link that we made, in ASCII: no character of it ends an attribute or a link in Markdown."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Source:
    """A citation as it is shown: `target` leads to the quote at `host`, `sentences` are the numbers of those it proves.

    `target`, `address` and `host` are empty where the article has no address that a browser should open.
    """

    number: int
    article: ArticleRef
    day: str
    description: str
    paragraphs: tuple[QuotedPassage, ...]
    is_gone: bool
    also_in: tuple[str, ...]
    flags: str
    target: _Target
    address: str
    host: str
    sentences: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _Nearest:
    """A passage that came near, where the articles don't answer."""

    article: ArticleRef
    day: str
    description: str
    paragraphs: tuple[QuotedPassage, ...]


@dataclass(frozen=True, slots=True)
class _Entry:
    """An answer as it is shown, the one of this number on its page."""

    number: int
    answer: Answer
    answered_by: str
    understood: tuple[str, ...]
    sentences: tuple[_Sentence, ...]
    sources: tuple[_Source, ...]
    nearest: tuple[_Nearest, ...]

    @property
    def targets(self) -> dict[int, _Target]:
        """Where each citation leads, by its number."""
        return {source.number: source.target for source in self.sources}


def render_html(answers: Sequence[Answer], *, passage_of: PassageOf) -> str:
    """Render answers, of a conversation or one alone, as one page of HTML that needs no other file.

    `passage_of` shows a quote in its passage, and gives None where its article is gone. The page's own policy
    (Content-Security-Policy) lets a browser run and fetch nothing; its one style is allowed by its hash. Raises
    SettingsError where there is no answer.
    """
    environment = _load_html_templates()
    style = environment.get_template("report.css").render()
    return environment.get_template("report.html").render(
        entries=_read_entries(answers, passage_of),
        mark=MARK,
        style_hash=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
    )


def render_markdown(answers: Sequence[Answer], *, passage_of: PassageOf) -> str:
    """Render answers as Markdown (CommonMark, and what GitHub and others add to it), links to cited articles included.

    `passage_of` shows a quote in its passage, and gives None where its article is gone. Raises SettingsError where
    there is no answer.
    """
    return (
        _load_markdown_templates()
        .get_template("report.md")
        .render(entries=_read_entries(answers, passage_of), mark=MARK)
    )


def check_replaceable(path: Path) -> None:
    """Refuse to write over what isn't a page of ours, or a conversation as JSON. Raises SettingsError."""
    try:
        if not os.path.lexists(path):
            return
        if path.is_file():
            with path.open("rb") as file:
                beginning = file.read(MARK_BYTES)
            if MARK.encode() in beginning or (path.suffix.lower() == ".json" and _is_conversation(path)):
                return
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({error.strerror}); choose another name") from None
    raise SettingsError(f"{path}: exists already, and is no page of answers; choose another name, or delete it first")


def _is_conversation(path: Path) -> bool:
    try:
        return read_conversation_id(path) is not None
    except AnswerError:
        return False


def write_page(path: Path, page: str) -> None:
    """Write a page to a file, whole or not at all, over an earlier page. Raises SettingsError where that can't be."""
    check_replaceable(path)
    unfinished = path.with_name(f".{secrets.token_hex(8)}.unfinished")
    try:
        with unfinished.open("x", encoding="utf-8", newline="\n") as file:
            file.write(page)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    except OSError as error:
        raise SettingsError(f"{path}: can't be written ({error.strerror}); choose another place") from None
    finally:
        with suppress(OSError):
            unfinished.unlink()


@cache
def _load_html_templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=lambda value: clean(str(value)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _load_markdown_templates() -> "Environment":
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=False,  # noqa: S701  # what escapes HTML does nothing for Markdown, and `finalize` escapes that
        finalize=_escape_markdown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


# What means something anywhere in Markdown, or in what is often built on it: footnotes, mathematics, attributes, marks;
# two slashes and a dot before a letter make an address of what is around them.
_MEANINGFUL = re.compile(r"[\\`*_{}\[\]<>#|~&$^=@]|/(?=/)|(?<=/)/|(?<=\w)\.(?=[^\W\d])")
# What means something at the beginning of a line only; where a value is put, its template knows, and nobody else.
_MEANINGFUL_FIRST = re.compile(r"^([0-9]*)([-+:!%]|[.)](?!\S))")
# Many renderers look for addresses in what is already unescaped, so that only a character between their parts keeps
# them from being made links: this one is invisible, and keeps the line unbroken.
_SEAM = re.compile(r"(?<=:)(?=\\/\\/)|(?<=www)(?=\\\.)|(?<=\\@)", re.IGNORECASE)
WORD_JOINER = "\u2060"


def _escape_markdown(value: object) -> str:
    """Write a value on one line as text that no renderer takes for anything else; a target is one already."""
    if isinstance(value, _Target):
        return value.replace("&", "&amp;")  # or &copy; in an address would be a sign
    line = _MEANINGFUL.sub(r"\\\g<0>", clean_line(str(value)))
    return _MEANINGFUL_FIRST.sub(r"\1\\\2", _SEAM.sub(WORD_JOINER, line))


def _read_entries(answers: Sequence[Answer], passage_of: PassageOf) -> list[_Entry]:
    if not answers:
        raise SettingsError("there is no answer yet to write down; ask something first")
    return [_read_entry(number, answer, passage_of) for number, answer in enumerate(answers, start=1)]


def _describe_models(answer: Answer) -> str:
    if answer.model == QUOTES:
        return "quotes, with no language model"
    return f"{answer.model}, verified by {answer.verifier}" if answer.verifier else answer.model


def _read_entry(number: int, answer: Answer, passage_of: PassageOf) -> _Entry:
    cited = [*answer.citations, *(citation for statement in answer.statements for citation in statement.citations)]
    citations = dict(sorted({citation.number: citation for citation in cited}.items()))
    passages = {citation: passage_of(citation) for citation in citations.values()}

    def context_of(citation: Citation) -> str:
        passage = passages.get(citation)
        length = citation.start - citation.context_start
        return passage.before[-length:] if passage and 0 < length <= len(passage.before) else ""

    sentences = tuple(_read_sentences(answer, context_of))
    asked = (f"Understood as: {answer.standalone_question}",) if answer.standalone_question else ()
    return _Entry(
        number=number,
        answer=answer,
        answered_by=_describe_models(answer),
        understood=(*(each.text for each in answer.understood), *asked),
        sentences=sentences,
        sources=tuple(
            _read_source(citation, passage, tuple(each.number for each in sentences if citation.number in each.numbers))
            for citation, passage in passages.items()
        ),
        nearest=tuple(
            _Nearest(
                article=found.article,
                day=write_day(found.article),
                description=describe_article(found.article),
                paragraphs=tuple(_cut_paragraphs(QuotedPassage(clean(found.passage.text), "", ""))),
            )
            for found in answer.retrieved[: NEAREST_SHOWN if answer.abstained else 0]
        ),
    )


def _read_sentences(answer: Answer, context_of: Callable[[Citation], str]) -> Iterator[_Sentence]:
    for number, (context, statement, days) in enumerate(frame_statements(answer, context_of=context_of), start=1):
        yield _Sentence(
            number=number,
            context=context,
            text=statement.text,
            days=days,
            sources=describe_sources(statement),
            numbers=tuple(citation.number for citation in statement.citations),
            is_supported=statement.support.supported,
            reasons="; ".join(statement.support.reasons) or "its citations don't say this",
            lost=statement.unresolved,
        )


def _read_source(citation: Citation, passage: QuotedPassage | None, sentences: tuple[int, ...]) -> _Source:
    found = passage or QuotedPassage("", citation.quote, "")
    shown = QuotedPassage(clean(found.before), clean(found.quote), clean(found.after))
    target, address, host = _find_target(citation.article.url, shown)
    return _Source(
        number=citation.number,
        article=citation.article,
        day=write_day(citation.article),
        description=describe_article(citation.article),
        paragraphs=tuple(_cut_paragraphs(shown)),
        is_gone=passage is None,
        also_in=tuple(list_copies(citation)),
        flags=describe_flags(citation),
        target=target,
        address=address,
        host=host,
        sentences=sentences,
    )


def _cut_paragraphs(passage: QuotedPassage) -> Iterator[QuotedPassage]:
    """Cut a passage at its empty lines; a paragraph has what it holds of the quote, which may be nothing."""
    text = f"{passage.before}{passage.quote}{passage.after}"
    quoted = Span(len(passage.before), len(passage.before) + len(passage.quote))
    for paragraph in _PARAGRAPH.finditer(text):
        first, last = paragraph.span()
        start, end = (min(max(edge, first), last) for edge in quoted)
        yield QuotedPassage(text[first:start], text[start:end], text[end:last])


def _find_target(url: str | None, passage: QuotedPassage) -> tuple[_Target, str, str]:
    """Find where a quote can be read: the target of a link to it, the address of its page, and the host.

    All are empty where the article's address isn't one of http or https, in full and without a password.
    """
    try:
        address = parse_address(url or "")
    except ArticleError:
        return _Target(), "", ""
    # A page may need its fragment to be the page it is; a directive in it would be another's quote.
    fragment = clean((url or "").partition("#")[2].partition(":~:")[0])
    page = f"{address.url}#{quote(fragment, safe=_FRAGMENT_SAFE)}" if fragment else address.url
    directive = _write_directive(passage)
    target = f"{page}{'' if fragment else '#'}:~:text={directive}" if directive else page
    return _Target(target), page, address.authority


# From what is no space to the last such before an empty line.
_PARAGRAPH = re.compile(r"\S(?:[^\n]|\n(?![^\S\n]*(?:\n|\Z)))*")
_FRAGMENT_SAFE = "/:@!$&'()*+,;=~%?"


def _write_directive(passage: QuotedPassage) -> str:
    """Write the text directive that finds a quote on its page; nothing where it has no words.

    What is named must lie in one block of the page, and a line is at most that: a quote of several lines is a range.
    """
    lines = [line.split() for line in passage.quote.split("\n") if line.strip()]
    if not lines:
        return ""
    first, last = lines[0], lines[-1]
    is_long = len(" ".join(first)) > MAX_EXACT_CHARACTERS and len(first) >= 2 * RANGE_WORDS
    if len(lines) > 1 or is_long:
        first, last = first[:RANGE_WORDS], last[-RANGE_WORDS:]
        parts = [first, last]
    else:
        parts = [first]
    written = [_encode(" ".join(words)) for words in parts]

    before = [line.split() for line in passage.before.split("\n") if line.strip()]
    after = [line.split() for line in passage.after.split("\n") if line.strip()]
    start, earlier = " ".join(first).casefold(), " ".join(word for line in before for word in line).casefold()
    if start in earlier or len(first) < MIN_DISTINCT_WORDS:
        if before:
            written.insert(0, f"{_encode(' '.join(before[-1][-BESIDE_WORDS:]))}-")
        elif after:
            written.append(f"-{_encode(' '.join(after[0][:BESIDE_WORDS]))}")
    return ",".join(written)


def _encode(text: str) -> str:
    """Encode a text for a directive, where a hyphen stands between its parts."""
    return quote(text, safe="").replace("-", "%2D")
