"""Cuts an article into passages: whole sentences, embedded and retrieved as one.

Which sentences go together is chosen by a dynamic programme that minimises the costs below. The time is near linear in
the length of the text, whatever the text is.
"""

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, islice, pairwise
from math import ceil
from typing import NamedTuple

from assistant.errors import ArticleError
from assistant.sentences import find_blocks, find_sentences
from assistant.types import Article, Passage, Span

CountTokens = Callable[[Sequence[str]], list[int]]

# What a division of an article into passages costs; the cheapest one is taken. One passage more costs more than all the
# rest together, so there are never more of them than needed. Squared sizes make passages of one article alike in size.
PASSAGE_COST = 1e6
UNEVEN_COST = 4.0
CUT_IN_PARAGRAPH_COST = 1.0
CUT_AFTER_HEADING_COST = 2.0

# A passage of this many sentences is a table or a list: the bound keeps the programme linear.
MAX_SENTENCES = 48
# Long words may count as one unknown token; this keeps a megabyte without a space from becoming one sentence.
MAX_CHARACTERS_PER_TOKEN = 16
SPECIAL_TOKENS = 2
# What is longer than any sentence is first cut into stretches of this length, which bounds the memory that each takes.
MAX_STRETCH_CHARACTERS = 20_000
# Of an article: ten million characters of prose have a third less. What has more is a table or a dump.
MAX_ARTICLE_SENTENCES = 150_000

_ENDED = re.compile(r"[.!?…؟।。！？｡:;,][\"'”’»“)\]}*_]*+\Z")
_WORD = re.compile(r"\S+")
GAP_CHARACTERS = 200  # of a stretch, in which it may end between two words
_GAP = re.compile(r"(?<=\S)\s+(?=\S)")
_LINE_START = re.compile(r"(?:\n|\A)[ \t]*\Z")
_LINE_END = re.compile(r"[ \t]*(?:\n|\Z)")


class _TooManyError(Exception):
    """There are more sentences than an article has."""


def split_article(
    article: Article,
    *,
    header_tokens: int,
    count_tokens: CountTokens,
    max_tokens: int = 256,
    asides: Sequence[Span] = (),
) -> tuple[Passage, ...]:
    """Cut an article into passages that tile its text, each with the sentences that it holds.

    What is set aside (`asides`, in order) lies in a passage and in no sentence of it, and it is cut as if that weren't
    there: a sentence that it stands in the middle of is two.

    A passage, with its header and the model's two special tokens, counts at most `max_tokens`; whitespace around it
    counts nothing. Whitespace between two passages belongs to the earlier. A sentence that doesn't fit alone is cut at
    words, and inside a word only when the word doesn't fit; its pieces take its place, so each sentence lies in one
    passage. An article of whitespace has no passages. Raises ArticleError for one with too many sentences.
    """
    budget = max_tokens - header_tokens - SPECIAL_TOKENS
    if budget < 1:
        raise ValueError(f"a header of {header_tokens} tokens leaves no room in passages of {max_tokens}")
    size_of = _make_sizer(count_tokens)
    if asides:
        kept = _Kept.of(article.text, asides)
        passages = _split(replace(article, text=kept.text), size_of, budget)
        if not passages:  # all of it is set aside
            return tuple(replace(passage, sentences=()) for passage in _split(article, size_of, budget))
        return kept.restore(article, passages)
    return _split(article, size_of, budget)


def find_asides(passage: Passage) -> tuple[Span, ...]:
    """Find what was set aside in a passage: what it holds that is no sentence of it, where in the article that is."""
    edges = [passage.start, *(edge for span in passage.sentences for edge in span), passage.end]
    asides = []
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if start < end and (found := passage.text[start - passage.start : end - passage.start].strip()):
            first = passage.text.index(found, start - passage.start) + passage.start
            asides.append(Span(first, first + len(found)))
    return tuple(asides)


def leave_out_asides(passage: Passage) -> tuple[str, tuple[Span, ...]]:
    """Give the text of a passage without what was set aside in it, and where its sentences stand in that."""
    asides = [Span(start - passage.start, end - passage.start) for start, end in find_asides(passage)]
    if not asides:
        return passage.text, tuple(Span(a - passage.start, b - passage.start) for a, b in passage.sentences)
    kept = _Kept.of(passage.text, asides)
    return kept.text, tuple(
        Span(kept.place(start - passage.start), kept.place(end - passage.start - 1) + 1)
        for start, end in passage.sentences
    )


@dataclass(frozen=True, slots=True)
class _Kept:
    """A text without what was set aside: the stretches of it that stay, and where each begins in what they make."""

    text: str
    stretches: tuple[Span, ...]
    starts: tuple[int, ...]

    @classmethod
    def of(cls, text: str, asides: Sequence[Span]) -> "_Kept":
        """Take out what is set aside: what has lines of its own with those, so that a paragraph around it is whole."""
        stretches: list[Span] = []
        position = 0
        for first, last in _join(text, asides):
            before, after = _LINE_START.search(text, position, first), _LINE_END.match(text, last)
            start, end = (before.start(), after.end()) if before and after else (first, last)
            if before and after and text[start - 1 : start].strip() and text[end : end + 1].strip():
                end -= 1  # the line break that parts them
            stretches.append(Span(position, start))
            position = end
        stretches.append(Span(position, len(text)))
        kept = tuple(stretch for stretch in stretches if stretch.start < stretch.end)
        starts = accumulate((end - start for start, end in kept), initial=0)
        return cls("".join(text[start:end] for start, end in kept), kept, tuple(starts)[:-1])

    def place(self, offset: int) -> int:
        """Say where a character of the text stands in what was kept."""
        at = max(0, bisect_right(self.stretches, offset, key=lambda stretch: stretch.start) - 1)
        return self.starts[at] + offset - self.stretches[at].start

    def find(self, offset: int) -> int:
        """Say where a character of what was kept stands in the text."""
        at = bisect_right(self.starts, offset) - 1
        return self.stretches[at].start + offset - self.starts[at]

    def restore(self, article: Article, passages: Sequence[Passage]) -> tuple[Passage, ...]:
        """Put passages of what was kept where they stand in the article."""
        edges = [0, *(self.find(passage.start) for passage in passages[1:]), len(article.text)]
        return tuple(
            Passage(article.id, start, end, article.text[start:end], tuple(self._cut(article.text, passage.sentences)))
            for passage, (start, end) in zip(passages, pairwise(edges), strict=True)
        )

    def _cut(self, text: str, sentences: Sequence[Span]) -> Iterator[Span]:
        for sentence in sentences:
            start, end = self.find(sentence.start), self.find(sentence.end - 1) + 1
            at = bisect_right(self.stretches, start, key=lambda stretch: stretch.start) - 1
            while at < len(self.stretches) and self.stretches[at].start < end:
                first, last = max(start, self.stretches[at].start), min(end, self.stretches[at].end)
                if piece := text[first:last].strip():
                    first = text.index(piece, first)
                    yield Span(first, first + len(piece))
                at += 1


def _join(text: str, asides: Sequence[Span]) -> Iterator[Span]:
    """Join those that have nothing but space between them."""
    current: Span | None = None
    for aside in asides:
        if current is not None and not text[current.end : aside.start].strip():
            current = Span(current.start, aside.end)
            continue
        if current is not None:
            yield current
        current = aside
    if current is not None:
        yield current


def _split(article: Article, size_of: CountTokens, budget: int) -> tuple[Passage, ...]:
    try:
        units = list(_find_units(article.text, size_of, budget))
    except _TooManyError:
        raise ArticleError(
            f"article {article.id!r}: too many sentences: it may have at most {MAX_ARTICLE_SENTENCES:,}; split it"
        ) from None
    if not units:
        return ()
    edges = [0, *(unit.start for unit in units[1:]), len(article.text)]
    cuts = _choose_cuts(units, budget)
    passages = []
    for first, last, _ in _shrink_to_fit(
        article.text, edges, [unit.size for unit in units], list(pairwise(cuts)), size_of, budget
    ):
        start, end = edges[first], edges[last]
        sentences = tuple(Span(unit.start, unit.end) for unit in units[first:last])
        passages.append(Passage(article.id, start, end, article.text[start:end], sentences))
    return tuple(passages)


class _Unit(NamedTuple):
    """What passages are made of: a sentence, or a piece of one; `cut_cost` is the cost of ending a passage after it."""

    start: int
    end: int
    size: int
    cut_cost: float


def _make_sizer(count_tokens: CountTokens) -> Callable[[Sequence[str]], list[int]]:
    """Wrap a token counter so that it measures texts without the whitespace around them, and no text as nothing."""

    def size_of(texts: Sequence[str]) -> list[int]:
        stripped = [text.strip() for text in texts]
        distinct = list(dict.fromkeys(stripped))  # words recur, and so do the rows of dumps
        counts = dict(zip(distinct, count_tokens(distinct), strict=True)) if distinct else {}
        return [max(counts[text], _count_at_least(text)) for text in stripped]

    return size_of


def _count_at_least(text: str) -> int:
    return ceil(len(text) / MAX_CHARACTERS_PER_TOKEN)


def _find_units(text: str, size_of: CountTokens, budget: int) -> Iterator[_Unit]:
    sentences: list[tuple[Span, float]] = []
    for block in find_blocks(text):
        spans = list(islice(find_sentences(text, block), MAX_ARTICLE_SENTENCES + 1))
        if len(sentences) + len(spans) > MAX_ARTICLE_SENTENCES:
            raise _TooManyError
        is_ended = _ENDED.search(text, max(block.start, block.end - 8), block.end)
        sentences.extend((span, CUT_IN_PARAGRAPH_COST) for span in spans[:-1])
        sentences.append((spans[-1], 0.0 if is_ended else CUT_AFTER_HEADING_COST))
    stretches = [
        (stretch, cut_cost if stretch.end == span.end else CUT_AFTER_HEADING_COST)
        for span, cut_cost in sentences
        for stretch in _cut_stretches(text, span)
    ]
    # What is too long however few tokens it has is counted by its words alone.
    counted = [span for span, _ in stretches if _count_at_least(text[span.start : span.end].strip()) <= budget]
    sizes = dict(zip(counted, size_of([text[span.start : span.end] for span in counted]), strict=True))
    for span, cut_cost in stretches:
        size = sizes.get(span, budget + 1)
        pieces = [(span, size)] if size <= budget else _cut_sentence(text, span, size_of, budget)
        for piece, piece_size in pieces:
            yield _Unit(
                piece.start, piece.end, piece_size, cut_cost if piece.end == span.end else CUT_AFTER_HEADING_COST
            )


def _cut_stretches(text: str, sentence: Span) -> Iterator[Span]:
    """Cut what is longer than any sentence into stretches, after whitespace where there is some near."""
    start = sentence.start
    while sentence.end - start > MAX_STRETCH_CHARACTERS:
        limit = start + MAX_STRETCH_CHARACTERS
        gap = _GAP.search(text, limit - GAP_CHARACTERS, limit)
        end = gap.start() if gap else _avoid_marks(text, limit, Span(start, sentence.end))
        yield Span(start, end)
        start = gap.end() if gap else end
    yield Span(start, sentence.end)


def _cut_sentence(text: str, sentence: Span, size_of: CountTokens, budget: int) -> list[tuple[Span, int]]:
    """Cut a sentence that doesn't fit into pieces of like size that do, between words where that is possible."""
    words = [Span(*match.span()) for match in _WORD.finditer(text, sentence.start, sentence.end)]
    atoms: list[Span] = []
    sizes: list[int] = []
    for word, size in zip(words, size_of([text[start:end] for start, end in words]), strict=True):
        for atom, atom_size in [(word, size)] if size <= budget else _cut_word(text, word, size, size_of, budget):
            atoms.append(atom)
            sizes.append(atom_size)
    totals = [0, *accumulate(sizes)]
    target = ceil(totals[-1] / ceil(totals[-1] / budget))
    cuts = [0]
    while cuts[-1] < len(atoms):
        base = totals[cuts[-1]]
        cuts.append(max(cuts[-1] + 1, bisect_right(totals, base + target) - 1))
    pairs = list(pairwise(cuts))
    edges = [*(atom.start for atom in atoms), sentence.end]
    return [
        (Span(atoms[first].start, atoms[last - 1].end), size)
        for first, last, size in _shrink_to_fit(text, edges, sizes, pairs, size_of, budget)
    ]


def _cut_word(text: str, word: Span, size: int, size_of: CountTokens, budget: int) -> list[tuple[Span, int]]:
    """Cut a run without whitespace, of a known size, into pieces that fit; a single character is taken to fit."""
    length = max(1, (word.end - word.start) // ceil(size * 1.05 / budget))
    cuts = [word.start]
    while word.end - cuts[-1] > length:
        cuts.append(_avoid_marks(text, cuts[-1] + length, Span(cuts[-1], word.end)))
    pending = [Span(*pair) for pair in pairwise([*cuts, word.end])]
    fitting: list[tuple[Span, int]] = []
    while pending:
        halves = []
        for piece, piece_size in zip(pending, size_of([text[start:end] for start, end in pending]), strict=True):
            if piece_size <= budget or piece.end - piece.start == 1:
                fitting.append((piece, piece_size))
            else:
                middle = _avoid_marks(text, (piece.start + piece.end) // 2, piece)
                halves += [Span(piece.start, middle), Span(middle, piece.end)]
        pending = halves
    return sorted(fitting)


def _avoid_marks(text: str, position: int, within: Span) -> int:
    """Move a cut back to where no combining mark or joiner is torn off, if there is such a place near."""
    for candidate in range(position, max(within.start, position - 32), -1):
        is_attached = unicodedata.category(text[candidate])[0] == "M" or "\u200d" in text[candidate - 1 : candidate + 1]
        if not is_attached:
            return candidate
    return position


def _choose_cuts(units: Sequence[_Unit], budget: int) -> list[int]:
    """Choose the cheapest cuts between units: indices from 0 to their number, each passage within the budget."""
    totals = list(accumulate((unit.size for unit in units), initial=0))
    best = [0.0]
    previous = [0]
    evenness = UNEVEN_COST / budget**2
    for last in range(1, len(units) + 1):
        total = totals[last]
        earliest = max(bisect_left(totals, total - budget, 0, last - 1), last - MAX_SENTENCES, 0)
        cost, first = min(
            (best[first] + evenness * (total - totals[first]) ** 2, first) for first in range(earliest, last)
        )
        best.append(cost + PASSAGE_COST + (units[last - 1].cut_cost if last < len(units) else 0.0))
        previous.append(first)
    cuts = [len(units)]
    while cuts[-1]:
        cuts.append(previous[cuts[-1]])
    return cuts[::-1]


def _shrink_to_fit(
    text: str,
    edges: Sequence[int],
    unit_sizes: Sequence[int],
    runs: list[tuple[int, int]],
    size_of: CountTokens,
    budget: int,
) -> list[tuple[int, int, int]]:
    """Halve the runs of units that are over the budget when counted as one text, until none is; give each its size.

    Word pieces never count more joined than apart, but other counters may, and the limit is measured, not trusted.
    """
    fitting: list[tuple[int, int, int]] = []
    while runs:
        fitting += [(first, last, unit_sizes[first]) for first, last in runs if last - first == 1]
        joined = [(first, last) for first, last in runs if last - first > 1]
        halves = []
        sizes = size_of([text[edges[first] : edges[last]] for first, last in joined])
        for (first, last), size in zip(joined, sizes, strict=True):
            if size <= budget:
                fitting.append((first, last, size))
            else:
                middle = (first + last) // 2
                halves += [(first, middle), (middle, last)]
        runs = halves
    return sorted(fitting)
