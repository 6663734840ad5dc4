"""Finds where in the articles of an index the evidence of cases stands."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assistant.errors import EvaluationError
from assistant.evaluation.cases import CaseSet, Mention
from assistant.types import Span


class Place(NamedTuple):
    """A stretch of an article, or all of it."""

    article: str
    span: Span | None


class Piece(NamedTuple):
    """A piece of evidence that was located: it is found where any of its places is."""

    places: tuple[Place, ...]
    grade: float = 1.0


@dataclass(frozen=True, slots=True)
class Located:
    """The evidence of each case, by its id, and how many pieces of a published set stand nowhere word for word."""

    pieces: dict[str, tuple[Piece, ...]]
    unlocated: int


def locate_evidence(cases: CaseSet, *, ids: Sequence[str], text_of: Callable[[str], str]) -> Located:
    """Locate the evidence of all cases in the articles of these ids.

    A quote stands wherever the article has its characters, white space aside. Raises EvaluationError with each piece
    that stands nowhere; in a published set, that is counted, and an answerable case that has none left is left out.
    """
    finder = _Finder(ids, text_of)
    mistakes: list[str] = []
    pieces: dict[str, tuple[Piece, ...]] = {}
    unlocated = 0
    for case in cases.cases:
        located = []
        for evidence in case.evidence:
            try:
                places = [place for mention in evidence.mentions for place in finder.find(mention)]
            except _NotThereError as mistake:
                if not (cases.is_published and mistake.is_of_text):
                    mistakes.append(f"{cases.name}, case {case.id} ({_shorten(case.question)!r}): {mistake}")
                unlocated += 1
            else:
                located.append(Piece(tuple(dict.fromkeys(places)), evidence.grade))
        if located or not case.evidence:
            pieces[case.id] = tuple(located)
    if mistakes:
        raise EvaluationError(*mistakes)
    return Located(pieces, unlocated)


class _NotThereError(Exception):
    def __init__(self, message: str, *, is_of_text: bool = True) -> None:
        super().__init__(message)
        self.is_of_text = is_of_text


class _Finder:
    """Finds mentions; each article is read once, and only if something is looked for in it."""

    def __init__(self, ids: Sequence[str], text_of: Callable[[str], str]) -> None:
        self._ids = dict.fromkeys(ids)
        self._text_of = text_of
        self._texts: dict[str, str] = {}

    def find(self, mention: Mention) -> list[Place]:
        if mention.article is None:
            quote = mention.quote or ""
            places = [Place(id, span) for id in self._ids for span in find_quote(self._text(id), quote)]
            if not places:
                raise _NotThereError(f"no article of the index holds {_shorten(quote)!r}")
            return places
        id = self._identify(mention.article)
        if mention.start is not None and mention.end is not None:
            text = self._text(id)
            if mention.end > len(text):
                raise _NotThereError(f"{mention.article} ends at {len(text)}, before {mention.end}")
            if mention.quote is not None and text[mention.start : mention.end] != mention.quote:
                raise _NotThereError(f"{_shorten(mention.quote)!r} doesn't stand at {mention.start} of {id}")
            return [Place(id, Span(mention.start, mention.end))]
        if mention.quote is None:
            return [Place(id, None)]
        spans = list(find_quote(self._text(id), mention.quote))
        if not spans:
            raise _NotThereError(f"{id} doesn't hold {_shorten(mention.quote)!r}")
        return [Place(id, span) for span in spans]

    def _identify(self, name: str) -> str:
        """Find the article of an id, or the only one whose id ends with it."""
        if name in self._ids:
            return name
        ending = [id for id in self._ids if id.endswith(f"/{name}")]
        if len(ending) > 1:
            raise _NotThereError(f"{name} is the end of several articles' ids; write more of it", is_of_text=False)
        if not ending:
            raise _NotThereError(
                f"no article of the index is {name}; add it, or see `assistant index --list`", is_of_text=False
            )
        return ending[0]

    def _text(self, id: str) -> str:
        if id not in self._texts:
            self._texts[id] = self._text_of(id)
        return self._texts[id]


def find_quote(text: str, quote: str) -> Iterator[Span]:
    """Find where a text has the characters of a quote, white space aside."""
    start = text.find(quote)
    if start < 0:
        pattern = r"\s+".join(map(re.escape, quote.split()))
        yield from (Span(*match.span()) for match in re.finditer(pattern, text))
    while start >= 0:
        yield Span(start, start + len(quote))
        start = text.find(quote, start + 1)


def _shorten(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:60]}..."
