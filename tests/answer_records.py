"""Answers to keep, export and check: one of each number, always the same, and any answer that there can be."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta, timezone

from hypothesis import strategies as st

from assistant.settings import QUOTES
from assistant.types import (
    Answer,
    Article,
    ArticleHash,
    ArticleRef,
    Citation,
    Passage,
    RetrievedPassage,
    ScoreParts,
    Span,
    Statement,
    Support,
    Understood,
    Usage,
)

BEGUN = datetime(2026, 1, 1, 12, tzinfo=UTC)


def make_source(number: int) -> Article:
    text = f"Der Fähre №{number} fährt. The ferry number{number} left the harbour. It came back."
    return Article(f"ferry-{number}", f"Ferry number{number}", text, "Harbour Courier", None, BEGUN)


def quote(article: Article, *, number: int = 1, start: int | None = None) -> Citation:
    """Cite the second sentence of a source, or another stretch of as many characters."""
    first = article.text.index("The ferry") if start is None else start
    end = article.text.index(" It came", first) if start is None else start + 10
    return Citation(number, article.ref, first, end, article.text[first:end], first)


def make_answer(number: int, *, model: str = QUOTES, sources: Sequence[Article] | None = None) -> Answer:
    """Make an answer that quotes a sentence of each of its sources, and was found in the first."""
    articles = [make_source(number)] if sources is None else sources
    citations = tuple(quote(article, number=place) for place, article in enumerate(articles, start=1))
    statements = tuple(Statement(each.quote, (each,), Support(0.75, True, ("verbatim",))) for each in citations)
    first = articles[0]
    passage = Passage(first.id, 0, len(first.text), first.text, (Span(0, 5), Span(5, len(first.text))))
    return Answer(
        question=f"Where is ferry number{number}?",
        text=" ".join(statement.text for statement in statements),
        statements=statements,
        citations=citations,
        abstained=False,
        confidence=0.75,
        retrieved=(RetrievedPassage(passage, 0.1 + number, first.ref, ScoreParts(0.1, 0, 0, 0, 0, 0, float(number))),),
        model=model,
        usage=Usage(),
        seconds=0.25,
    )


def asked_at(number: int) -> datetime:
    return BEGUN + timedelta(seconds=number)


_TEXTS = st.text(st.characters(exclude_categories=[]), max_size=20)  # and halves of surrogate pairs, which models write
_WHOLE = st.integers(0, 2**53 - 1)
_SHARES = st.floats(0, 1)
_NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
# Of whole seconds, as zones are: datetime.fromisoformat takes one of less than a second for UTC.
_ZONES = st.builds(timezone, st.builds(timedelta, seconds=st.integers(-82_800, 82_800)))
_TIMES = st.datetimes(timezones=_ZONES, allow_imaginary=False)
_DAYS = st.none() | st.dates(date(1, 1, 1))
_REFS = st.builds(
    ArticleRef,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    _TEXTS,
    st.none() | _TEXTS,
    st.none() | _TEXTS,
    st.none() | _TIMES,
    st.none() | _TEXTS,
)
_SUPPORT = st.builds(Support, _SHARES, st.booleans(), st.lists(_TEXTS, max_size=2).map(tuple))
_PARTS = st.none() | st.builds(ScoreParts, *[_NUMBERS] * 7)


@st.composite
def _citations(draw: st.DrawFn) -> tuple[Citation, ...]:
    numbers = draw(st.lists(_WHOLE, unique=True, max_size=3))
    made = []
    for number in numbers:
        context, start, end = sorted(draw(st.lists(_WHOLE, min_size=3, max_size=3, unique=True)))
        copies = tuple(draw(st.lists(_REFS, max_size=2)))
        made.append(Citation(number, draw(_REFS), start, end, draw(_TEXTS), context, copies))
    return tuple(made)


@st.composite
def _retrieved(draw: st.DrawFn) -> RetrievedPassage:
    ref, text, start = draw(_REFS), draw(_TEXTS), draw(st.integers(0, 2**50))
    sentences = tuple(draw(st.lists(st.builds(Span, _WHOLE, _WHOLE), max_size=2)))
    passage = Passage(ref.id, start, start + len(text), text, sentences)
    return RetrievedPassage(passage, draw(_NUMBERS), ref, draw(_PARTS))


@st.composite
def answers(draw: st.DrawFn) -> Answer:
    citations = draw(_citations())
    cited = st.lists(st.sampled_from(citations), max_size=2).map(tuple) if citations else st.just(())
    lost = st.lists(_TEXTS, max_size=2).map(tuple)
    statements = draw(st.lists(st.builds(Statement, _TEXTS, cited, _SUPPORT, lost, lost), max_size=2))
    tokens = st.none() | _WHOLE
    return Answer(
        question=draw(_TEXTS),
        text=draw(_TEXTS),
        statements=tuple(statements),
        citations=citations,
        abstained=not statements and not citations and draw(st.booleans()),
        confidence=draw(_SHARES),
        retrieved=tuple(draw(st.lists(_retrieved(), max_size=2))),
        model=draw(_TEXTS),
        usage=draw(st.builds(Usage, tokens, tokens, st.none() | _NUMBERS)),
        seconds=draw(_NUMBERS),
        understood=tuple(draw(st.lists(st.builds(Understood, _TEXTS, _DAYS, _DAYS, st.booleans()), max_size=2))),
        written=draw(_TEXTS),
        standalone_question=draw(st.none() | _TEXTS),
        notes=tuple(draw(st.lists(_TEXTS, max_size=2))),
        hashes=tuple(draw(st.lists(st.builds(ArticleHash, _TEXTS, _TEXTS), max_size=2))),
        prompts=draw(_TEXTS),
        verifier=draw(_TEXTS),
    )
