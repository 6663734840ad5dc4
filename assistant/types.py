"""The records that flow through the assistant, in pipeline order.

Offsets are Python string offsets (code points) into `Article.text`, end exclusive. Everything is frozen: a later stage
wraps the record of an earlier one and never edits it.
"""

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal, NamedTuple


class Span(NamedTuple):
    """A stretch of an article's text: `article.text[start:end]`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class ArticleRef:
    """What identifies an article to a reader, without its text."""

    id: str
    title: str
    outlet: str | None = None
    author: str | None = None
    published: datetime | None = None
    url: str | None = None


class Origin(NamedTuple):
    """Where a field of an article was found, for a reader who doubts it: `Origin("published", "JSON-LD")`."""

    field: str
    place: str


@dataclass(frozen=True, slots=True)
class Article:
    """A news article; every offset points into its `text`, and its times have a time zone when they are known.

    `language` is a code of ISO 639-1, `section` what its outlet files it under, and `origins` say where the fields were
    found, for an article that was read rather than handed in. `hidden` counts the passages that its page hid and that
    were left out of its text, for the report of who takes it in; it isn't stored.
    """

    id: str
    title: str
    text: str
    outlet: str | None = None
    author: str | None = None
    published: datetime | None = None
    url: str | None = None
    updated: datetime | None = None
    section: str | None = None
    language: str | None = None
    origins: tuple[Origin, ...] = ()
    hidden: int = field(default=0, compare=False)

    @property
    def ref(self) -> ArticleRef:
        """The article without its text."""
        return ArticleRef(self.id, self.title, self.outlet, self.author, self.published, self.url)


@dataclass(frozen=True, slots=True)
class Revision:
    """An article as it was known to us from `since` until `until`, which has a time zone.

    None as `since` stands for a time that wasn't noted, None as `until` for the present.
    """

    article: Article
    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Document:
    """What a source holds before it is read: its bytes and what is known about them.

    `name` is how a reader knows it (a path, an address, "standard input"), and what errors begin with. `media_type` is
    what a server or a mail said of it, with its parameters, and only a hint; `url` the address that it came from in the
    end, and `modified` when it was changed last, where its server or its folder say so. `published` is what its user
    says of its articles, so that none is read from it.
    """

    name: str
    data: bytes
    media_type: str | None = None
    url: str | None = None
    modified: datetime | None = None
    published: datetime | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """A page that a list names, with what the list says of it; `is_listing` where it is a list itself (a sitemap)."""

    url: str
    title: str | None = None
    published: datetime | None = None
    updated: datetime | None = None
    is_listing: bool = False
    author: str | None = None
    outlet: str | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of an article that is embedded and retrieved as one; the passages of an article tile its text.

    `article.text[start:end] == text`, and `sentences` are the spans, in the article, of the sentences that it holds.
    """

    article_id: str
    start: int
    end: int
    text: str
    sentences: tuple[Span, ...] = ()


@dataclass(frozen=True, slots=True)
class ScoreParts:
    """What each part of a ranking contributed to a passage's score: they sum to it."""

    question_words: float  # of the question, in the passage or its article's title, outlet and date
    clause_words: float  # of the question's clause that the passage serves best
    sentence_words: float  # of that clause, in one sentence
    cosine: float  # how near in meaning that clause and one sentence are
    named_outlet: float  # the question names the article's outlet
    named_day: float  # the question names the day on which the article was published
    same_article: float  # taken off for the better passages of the same article


@dataclass(frozen=True, slots=True)
class RetrievedPassage:
    """A passage with its relevance to a question, higher is better, and the article that it is from.

    `parts` say what the score is made of, where it was made by a search.
    """

    passage: Passage
    score: float
    article: ArticleRef
    parts: ScoreParts | None = None


# What a reader should know of a quote:
#   instruction     it speaks to a machine that reads along rather than to readers
#   hidden          it holds characters that no reader of the article sees
Flag = Literal["instruction", "hidden"]


@dataclass(frozen=True, slots=True)
class Citation:
    """A verbatim quote: `article.text[start:end] == quote`, numbered from 1 within its answer.

    `article.text[context_start:start]` is shown before a quote that can't stand alone ("He has said ..."); where
    `context_start == start` it can. `also_in` are copies of the article that hold the quote word for word, the earliest
    first: they are the same source, so they prove nothing more. `flags` are what a reader should know of the quote.
    """

    number: int
    article: ArticleRef
    start: int
    end: int
    quote: str
    context_start: int
    also_in: tuple[ArticleRef, ...] = ()
    flags: tuple[Flag, ...] = ()


@dataclass(frozen=True, slots=True)
class QuotedPassage:
    """A quote in the passage that it stands in: `before + quote + after` is a verbatim stretch of the article."""

    before: str
    quote: str
    after: str


@dataclass(frozen=True, slots=True)
class Support:
    """Whether evidence supports a statement: a score from 0 to 1, the verdict, and the reasons for a reader."""

    score: float
    supported: bool
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """One sentence of an answer, with the citations that prove it and the verdict on whether they do.

    `unresolved` are the markers in it that name nothing that the model was shown, as they were written. `sources` name
    the outlets that say so independently of each other, those that are cited first: one is a single source, and none
    means that they weren't counted.
    """

    text: str
    citations: tuple[Citation, ...]
    support: Support
    unresolved: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took from a language model; `cost` in US dollars. None is what isn't known.

    A service may not say how many tokens it took, and only some prices are known.
    """

    prompt_tokens: int | None = 0
    completion_tokens: int | None = 0
    cost: float | None = None


@dataclass(frozen=True, slots=True)
class Understood:
    """How a question's own words, or an option, were read, in one line for its reader to check.

    Where a period was read it is that from `since` to `until`, both included, None for an open end; `is_filter` says
    whether no other articles were asked, rather than asked behind those.
    """

    text: str
    since: date | None = None
    until: date | None = None
    is_filter: bool = False


class ArticleHash(NamedTuple):
    """Which state of an article was cited: the library's own hash of all that it was then."""

    article_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one question. Abstained means no statements and no citations; `retrieved` is what came nearest.

    `statements` stand in reading order, and `text` is that of the supported ones, or says that there are none.
    `citations` stand in the order of their numbers, 1 being the one that answers best where quotes answer, and the
    first to be read where a model does. `written` is all that a language model wrote, `standalone_question` the
    question as it was asked of the articles where that isn't how it was put, `notes` what else a reader should know.
    `hashes` say what each article that is cited was when the answer was given, and any other that a language model was
    shown; `prompts` which prompt files it was shown, by their hash, and nothing where quotes answer. `verifier` is the
    language model that what it wrote was put to after the check, and nothing where none was.
    """

    question: str
    text: str
    statements: tuple[Statement, ...]
    citations: tuple[Citation, ...]
    abstained: bool
    confidence: float
    retrieved: tuple[RetrievedPassage, ...]
    model: str
    usage: Usage
    seconds: float
    understood: tuple[Understood, ...] = ()
    written: str = ""
    standalone_question: str | None = None
    notes: tuple[str, ...] = ()
    hashes: tuple[ArticleHash, ...] = ()
    prompts: str = ""
    verifier: str = ""


@dataclass(frozen=True, slots=True)
class Turn:
    """A question of a conversation, numbered from 1 within it, and its answer.

    The answer is None where it was forgotten with an article that was removed.
    """

    number: int
    asked: datetime
    question: str
    answer: Answer | None


@dataclass(frozen=True, slots=True)
class Conversation:
    """What was asked and answered, in order; the id is short, sorts by day and can be typed: `2026-11-22-k3f9`."""

    id: str
    started: datetime
    turns: tuple[Turn, ...]


@dataclass(frozen=True, slots=True)
class ConversationRef:
    """What tells a conversation from others: when it began and last went on, its first question, its length."""

    id: str
    started: datetime
    last: datetime
    question: str
    turns: int


# What checking a citation again came to:
#   exact           the article says this, where it was cited
#   moved           the article has changed, and still says this, elsewhere or under another title
#   changed         the article has changed, and doesn't say this any more; it did in an earlier revision
#   misplaced       the article says this, or did, but not where the citation has it
#   misattributed   it does, but has, and had, another title, outlet, author, date or address
#   never           the article says nothing like it, and as far as is known here never did
#   uncopied        the article says this, and an article that is named as its copy isn't one, or isn't here
#   removed         the article was removed, and nothing of it is known any more
#   unknown         no article of this id is known here
Verdict = Literal["exact", "moved", "changed", "misplaced", "misattributed", "never", "uncopied", "removed", "unknown"]


@dataclass(frozen=True, slots=True)
class CheckedCitation:
    """A citation of a kept or exported answer, held against the library as it is now.

    `answer` is the answer's position among those that were checked, from 1. `since` and `until` are from when until
    when the article that says this was known to us, where one does: None as `since` stands for a time that wasn't
    noted, None as `until` for the present. `has_changed` says whether the article is another than the one that was
    cited, and is None where the answer doesn't tell.
    """

    answer: int
    question: str
    citation: Citation
    verdict: Verdict
    since: datetime | None = None
    until: datetime | None = None
    has_changed: bool | None = None

    @property
    def holds(self) -> bool:
        """Whether the article says this today."""
        return self.verdict in ("exact", "moved")


class UnprovenStatement(NamedTuple):
    """What an answer shows as supported, and its quotes don't prove: its position, as above, the words and why."""

    answer: int
    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What checking answers again came to: how many there are, each of their citations, and what isn't proven."""

    answers: int
    citations: tuple[CheckedCitation, ...]
    unproven: tuple[UnprovenStatement, ...] = ()

    @property
    def holds(self) -> bool:
        """Whether every citation does, and proves what it stands behind."""
        return not self.unproven and all(checked.holds for checked in self.citations)


@dataclass(frozen=True, slots=True)
class Failure:
    """A source that could not be taken in, and why, in one line."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A file in a folder that holds no article, and what it is, in the singular: "image"."""

    source: str
    what: str


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What an ingest changed: article ids by what happened to them, and how many passages were embedded.

    `gone` are articles that a source doesn't hold any more: they can still be asked about, unless they were removed.
    `passed_over` are the files of folders that hold no article, and `planted` those of the articles that were stored
    which hold text that seems to be written for a machine. `hidden` counts the passages that pages hid from their
    readers, and that were left out.
    """

    added: tuple[str, ...]
    updated: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...]
    failed: tuple[Failure, ...]
    passages: int
    seconds: float
    gone: tuple[str, ...] = ()
    passed_over: tuple[PassedOver, ...] = ()
    planted: tuple[str, ...] = ()
    hidden: int = 0


@dataclass(frozen=True, slots=True)
class ExportReport:
    """What an export wrote: how much of what, the size of the file in bytes, and the hash that stands at its end."""

    articles: int
    passages: int
    size: int
    sha256: str


FindingKind = Literal["library", "rows", "article", "passages", "words", "chroma", "conversations"]


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is wrong with an index: what, where, and what mends it; `is_repairable` where a repair does.

    `kind` is what is hurt: the library's file, loose rows or orders in it, an article as it was given, the passages or
    vectors made from one, the full-text index, Chroma's, or what conversations are kept in. `article_id` is that of the
    article, where it is one.
    """

    kind: FindingKind
    where: str
    what: str
    remedy: str
    is_repairable: bool
    article_id: str | None = None
    is_unfinished: bool = False


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was looked at in an index and what is wrong with it; `mended` is what was, until a repair mended it."""

    articles: int
    passages: int
    findings: tuple[Finding, ...]
    mended: tuple[Finding, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Whether all is well, though perhaps not finished."""
        return all(finding.is_unfinished for finding in self.findings)
