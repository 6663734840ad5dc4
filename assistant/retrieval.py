"""Finds the passages that bear on a question: full text and nearest neighbours propose, a weighted sum ranks.

A question of several clauses ("What does the Courier say of X, and who told Reuters Y?") needs a passage for each, and
no passage holds them all. So a passage is measured against the whole question and against each clause, and the clause
that it serves best counts.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from datetime import datetime
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from assistant.dates import Day, Period, find_days
from assistant.embedding import Embedder, PassageInput
from assistant.outlets import group_outlets
from assistant.port import Snapshot
from assistant.schema import PassageFilter
from assistant.snapshot import EVERYTHING, StemArray, StoredPassage
from assistant.terms import (
    STOP_WORDS,
    find_names,
    find_sources,
    find_terms,
    find_words,
    number_stem,
    number_word,
    split_clauses,
    stem,
)
from assistant.types import ArticleRef, RetrievedPassage, ScoreParts, Span
from assistant.vectors import FloatArray

IntArray = npt.NDArray[np.int64]

# No question that a person asks is longer; what comes after is not read.
MAX_QUESTION_CHARACTERS = 2_000
# Two copies whose scores differ by no more are about as good: half of what it adds to one that the question names its
# outlet or its day. Where its passages begin and what its title is makes that much of a difference.
EQUAL_SCORE = 0.05
MAX_TERMS = 64
# Of the passages that a language model is shown, this share is one outlet's at most, as long as others have passages
# with this share of the best one's score: who floods a library with articles doesn't drown out what others say.
OUTLET_SHARE = 0.5
NEAR_BEST = 0.6

# BM25's saturation and length normalisation (Robertson and Zaragoza, 2009), k1 and b, for passages, which differ little
# in length, and for sentences. Lengths are in words.
PASSAGE_SATURATION, PASSAGE_NORMALISATION = 0.9, 0.2
SENTENCE_SATURATION, SENTENCE_NORMALISATION = 1.2, 0.3


@dataclass(frozen=True, slots=True)
class RetrievalWeights:
    """What each part of a score weighs, and how many passages are scored.

    A weight of 0 leaves a part out, `max_clauses` of 1 the clauses. The first four parts are shares of the best
    candidate's, the next two are 0 or 1.
    """

    question_words: float = 1.0  # BM25 of the question's terms in the passage and its article's title, outlet and date
    clause_words: float = 1.0  # the same of the clause's
    sentence_words: float = 1.0  # BM25 of the clause's terms in the passage's best sentence
    cosine: float = 3.0  # of the clause and the best sentence, each as it reads in its context
    named_outlet: float = 0.8  # the question names the article's outlet
    named_day: float = 0.8  # the question names or prefers the day on which the article was published
    # What each better passage of the same article takes from a score: of two about as good, the one from a new article
    # says more.
    same_article: float = 0.12
    max_clauses: int = 4
    # How many passages full text and nearest neighbours each propose, at least: more where more are asked for, and none
    # of the neighbours where that is 0.
    matched_passages: int = 100
    nearest_passages: int = 30

    @property
    def highest(self) -> float:
        """The sum of a passage that is the best in every part: what scores are divided by."""
        parts = (self.question_words, self.clause_words, self.sentence_words, self.cosine)
        return sum(parts) + self.named_outlet + self.named_day


DEFAULT_WEIGHTS = RetrievalWeights()
PARTS = tuple(part.name for part in fields(ScoreParts))


@dataclass(frozen=True, slots=True)
class EmbeddedQuestion:
    """A question as it is searched for: its text, its clauses, its unit vector (d,) and theirs (clauses, d)."""

    text: str
    clauses: tuple[Span, ...]
    vector: FloatArray
    clause_vectors: FloatArray


@dataclass(frozen=True, slots=True)
class Retrieval:
    """What was found for a question, best first.

    `passages` are as many as were asked for, `candidates` those and more, with all that the library keeps of them and
    their `scores`. `frequencies` count the passages of the library that hold each term of the question.
    """

    question: EmbeddedQuestion
    passages: tuple[RetrievedPassage, ...]
    candidates: tuple[StoredPassage, ...]
    scores: tuple[float, ...]
    frequencies: Mapping[str, int]

    @property
    def question_vector(self) -> FloatArray:
        """The question's unit vector (d,)."""
        return self.question.vector


def retrieve(
    question: str,
    *,
    library: Snapshot,
    embedder: Embedder,
    limit: int,
    filter: PassageFilter = EVERYTHING,
    preferred: Period | None = None,
    weights: RetrievalWeights = DEFAULT_WEIGHTS,
) -> Retrieval:
    """Find the `limit` passages that bear most on a question; articles of the `preferred` period rank higher.

    Higher scores are better, and none is above 1. A score compares the passages found for one question: being the best
    of them in every part says nothing about how good that is.
    """
    text = question[:MAX_QUESTION_CHARACTERS]
    with ThreadPoolExecutor(max_workers=1) as executor:  # both take about as long, and neither holds Python's lock
        embedding = executor.submit(embed_question, text, embedder=embedder, max_clauses=weights.max_clauses)
        nearest_count = max(weights.nearest_passages, limit) if weights.nearest_passages else 0
        terms = find_terms(text)[:MAX_TERMS]
        proposed = library.propose(
            terms,
            lambda: embedding.result().vector,
            matched=max(weights.matched_passages, limit),
            nearest=nearest_count,
            filter=filter,
        )
        embedded = embedding.result()
    frequencies = library.document_frequencies(terms)
    ids = {id for id, _ in proposed}
    while True:
        candidates = library.load(sorted(ids))
        parts = score_passages(
            embedded,
            candidates,
            frequencies=frequencies,
            passage_count=library.passage_count,
            preferred=preferred,
            weights=weights,
        )
        scores = (
            parts.sum(axis=1).clip(max=1.0).tolist()
        )  # clipped, for parts that are rounded may add up to a bit more
        # Ids break ties, so that the order is the same every time.
        order = sorted(range(len(candidates)), key=lambda index: (-scores[index], candidates[index].id))
        kept = drop_copies(order, candidates, scores)
        if len(kept) == len(order) or len(kept) >= limit or not nearest_count:
            break
        nearest_count *= 2  # for copies of a few stories may be all that was found
        further = library.nearest(embedded.vector, limit=nearest_count, filter=filter)
        if len(further) < nearest_count and ids.issuperset(id for id, _ in further):
            break
        ids |= {id for id, _ in further}
    return Retrieval(
        question=embedded,
        passages=tuple(
            RetrievedPassage(
                candidates[index].passage,
                scores[index],
                candidates[index].article,
                ScoreParts(*parts[index].tolist()),
            )
            for index in kept[:limit]
        ),
        candidates=tuple(candidates[index] for index in kept),
        scores=tuple(scores[index] for index in kept),
        frequencies=frequencies,
    )


def drop_copies(order: Sequence[int], candidates: Sequence[StoredPassage], scores: Sequence[float]) -> list[int]:
    """Leave out of a ranking what better passages of a copy of the article say in the same words.

    Of two that are about as good and say the same, the one of the article that was published first stays.
    """
    stories = Counter(story for _, story in {(each.article.id, each.story) for each in candidates})
    kept: list[int] = []
    said: dict[int, set[bytes]] = {}  # the sentences that were kept of a story
    places: dict[tuple[int, frozenset[bytes]], int] = {}  # of the passage that says just these
    for index in order:
        candidate = candidates[index]
        if stories[candidate.story] > 1:
            sentences = frozenset(_list_sentences(candidate))
            already_said = said.setdefault(candidate.story, set())
            if sentences <= already_said:
                place = places.get((candidate.story, sentences))
                before = kept[place] if place is not None else index
                if place is not None and is_original(
                    candidate.article, candidates[before].article, score=scores[index], other_score=scores[before]
                ):
                    kept[place] = index
                continue
            already_said |= sentences
            places[candidate.story, sentences] = len(kept)
        kept.append(index)
    return sorted(kept, key=lambda index: (-scores[index], candidates[index].id))


def share_out(passages: Sequence[RetrievedPassage], limit: int) -> tuple[RetrievedPassage, ...]:
    """Choose `limit` of more passages, best first: no outlet has more than its share where others say something.

    What comes near the best in its score does. An outlet that the question names has what it takes.
    """
    outlets = group_outlets([each.article for each in passages])
    most = int(limit * OUTLET_SHARE)
    counts = Counter[int]()
    shared, left = [], []
    for place, (each, outlet) in enumerate(zip(passages, outlets, strict=True)):
        is_named = each.parts is not None and each.parts.named_outlet > 0
        is_near = each.score >= NEAR_BEST * passages[0].score
        if is_near and (is_named or counts[outlet] < most):
            shared.append(place)
            counts[outlet] += 1
        else:
            left.append(place)
    return tuple(passages[place] for place in sorted([*shared, *left][:limit]))


def _list_sentences(passage: StoredPassage) -> list[bytes]:
    """List the sentences of a passage, as the numbers of their stems; without those that have no words."""
    ends = np.cumsum(passage.stem_counts)
    return [stems.tobytes() for stems in np.split(passage.stems, ends) if len(stems)]


def is_original(copy: ArticleRef, other: ArticleRef, *, score: float, other_score: float) -> bool:
    """Whether a copy was published before another, and has about as good a score or a better one."""
    is_earlier = copy.published is not None and (other.published is None or copy.published < other.published)
    return is_earlier and score >= other_score - EQUAL_SCORE


def embed_question(
    text: str, *, embedder: Embedder, max_clauses: int = DEFAULT_WEIGHTS.max_clauses
) -> EmbeddedQuestion:
    """Split a question into its clauses and embed both; the clauses as they read in the question, which is free."""
    clauses = split_clauses(text, limit=max_clauses)
    if len(clauses) == 1:
        vectors = embedder.embed_questions([text])
        return EmbeddedQuestion(text, clauses, vectors[0], vectors)
    (embedded,) = embedder.embed_passages([PassageInput("", text, clauses)])
    return EmbeddedQuestion(text, clauses, embedded.passage, embedded.sentences)


def score_passages(
    question: EmbeddedQuestion,
    candidates: Sequence[StoredPassage],
    *,
    frequencies: Mapping[str, int],
    passage_count: int,
    preferred: Period | None = None,
    weights: RetrievalWeights = DEFAULT_WEIGHTS,
) -> npt.NDArray[np.float64]:
    """Score candidates for a question whose terms stand in so many of a library's passages: (n, parts).

    The columns are those of ScoreParts, and their sum is the score. What a clause contributes is that of the one clause
    that the passage serves best.
    """
    if not candidates:
        return np.zeros((0, len(PARTS)))
    idf_of = _weigh_terms(frequencies, passage_count=passage_count)
    passage_words, sentence_words = _weigh_words(candidates, tuple(idf_of))
    idf = np.array(list(idf_of.values()), np.float32)
    # Which terms each clause holds: (terms, clauses).
    stems = [{stem(term) for term in find_terms(question.text[start:end])} for start, end in question.clauses]
    held = np.array([[term in clause for clause in stems] for term in idf_of], np.float32)
    clause_idf = idf[:, None] * held.reshape(len(idf_of), len(stems))
    vectors = [it.sentence_vectors for it in candidates]
    cosines = _best(np.concatenate(vectors) @ question.clause_vectors.T, [len(rows) for rows in vectors])
    with np.errstate(invalid="ignore"):  # all of it is finite, yet a BLAS may look at what lies beyond a short row
        matched = sentence_words @ clause_idf
    in_sentences = _best(matched, [len(it.passage.sentences) for it in candidates])

    by_clause = np.stack(
        (
            weights.clause_words * _share(passage_words @ clause_idf),
            weights.sentence_words * _share(in_sentences),
            weights.cosine * _share(cosines),
        )
    )
    best_clauses = by_clause.sum(axis=0).argmax(axis=1)
    articles = [candidate.article for candidate in candidates]
    parts = np.column_stack(
        (
            weights.question_words * _share(passage_words @ idf).astype(np.float64),
            *by_clause[:, np.arange(len(candidates)), best_clauses].astype(np.float64),
            weights.named_outlet * _match_outlets(question.text, articles),
            weights.named_day * _match_days(question.text, preferred, articles),
            np.zeros(len(candidates)),
        )
    )
    parts[:, -1] = -weights.same_article * _rank_in_article(parts.sum(axis=1), articles)
    scored: npt.NDArray[np.float64] = parts / (weights.highest or 1.0)
    return scored


def _weigh_terms(frequencies: Mapping[str, int], *, passage_count: int) -> dict[str, float]:
    """Map the stem of each term that stands anywhere to its inverse document frequency, BM25's but never negative."""
    return {
        stem(term): math.log1p((passage_count - frequency + 0.5) / (frequency + 0.5))
        for term, frequency in frequencies.items()
        if frequency
    }


def _share(values: FloatArray) -> FloatArray:
    """Divide by the largest of each column."""
    shares: FloatArray = values / np.maximum(values.max(axis=0), np.float32(1e-9))
    return shares


def _best(values: FloatArray, counts: Sequence[int]) -> FloatArray:
    """Take the largest of each column (m, c) in each of consecutive groups of so many rows, at least one: (n, c)."""
    firsts = np.cumsum([0, *(max(count, 1) for count in counts[:-1])])
    best: FloatArray = np.maximum.reduceat(values, firsts)
    return best


def _match_outlets(question: str, articles: Sequence[ArticleRef]) -> npt.NDArray[np.float64]:
    """Say of each article, as 1 or 0, whether the question names its outlet."""
    words = find_words(question)
    # Subtle: "the first time" doesn't name Time. Where a question has capitals, so have the names in it.
    capitalised = {word for name in find_names(question) for word in find_words(name)} | STOP_WORDS
    has_capitals = not question[1:].islower()
    anywhere, in_names = (
        f" {' '.join(word if word in allowed else '-' for word in words)} " for allowed in (set(words), capitalised)
    )
    outlets = {outlet: f" {' '.join(find_words(outlet))} " for article in articles if (outlet := article.outlet)}
    named = {
        outlet
        for outlet, name in outlets.items()
        if name.strip() and name in (in_names if has_capitals and outlet[0].isupper() else anywhere)
    }
    # "According to the Courier" means the Harbour Courier, where it doesn't mean an outlet that was named whole.
    for source in find_sources(question):
        asked = f" {' '.join(find_words(source)).removeprefix('the ')} "
        if asked.strip() and not any(asked in outlets[outlet] for outlet in named):
            named |= {outlet for outlet, name in outlets.items() if asked in name}
    return np.array([article.outlet in named for article in articles], np.float64)


def _match_days(question: str, preferred: Period | None, articles: Sequence[ArticleRef]) -> npt.NDArray[np.float64]:
    """Say of each article, as 1 or 0, whether it was published on a day that the question names, or prefers."""
    days = set(find_days(question))

    def is_meant(time: datetime) -> bool:
        named = {Day(time.year, time.month, time.day), Day(None, time.month, time.day)}
        return not days.isdisjoint(named) or (preferred is not None and preferred.holds(time.date()))

    times = [article.published for article in articles]
    return np.array([time is not None and is_meant(time) for time in times], np.float64)


def _rank_in_article(scores: npt.NDArray[np.float64], articles: Sequence[ArticleRef]) -> IntArray:
    """Count for each passage those of the same article with a higher score.

    Taking the same off for each of them ranks as picking the best one by one does, each pick lowering the rest of its
    article: maximal marginal relevance (Carbonell and Goldstein, 1998) with the article for likeness.
    """
    ranks = np.zeros(len(scores), np.int64)
    seen: dict[str, int] = {}
    for index in np.argsort(-scores, kind="stable"):
        article = articles[index].id
        ranks[index] = seen.get(article, 0)
        seen[article] = ranks[index] + 1
    return ranks


# The words of passages ------------------------------------------------------------------------------------------------


def _weigh_words(candidates: Sequence[StoredPassage], stems: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Weigh how often each stem stands in each passage (n, stems), header included, and in each sentence (m, stems).

    The weight is BM25's: it grows from 0 with the count towards 1 + saturation, more slowly in a longer text.
    """
    headers = [_read_header(it.article) for it in candidates]
    header_lengths = np.array([len(header) for header in headers])
    sentence_lengths = np.concatenate([candidate.stem_counts for candidate in candidates]).astype(np.int64)
    words = np.concatenate([candidate.stems for candidate in candidates])

    in_sentences = _count(words, sentence_lengths, stems)
    in_headers = _count(np.concatenate(headers), header_lengths, stems)
    firsts = np.cumsum([0, *(len(candidate.stem_counts) for candidate in candidates[:-1])])
    return (
        _saturate(
            np.add.reduceat(in_sentences, firsts) + in_headers,
            np.add.reduceat(sentence_lengths, firsts) + header_lengths,
            PASSAGE_SATURATION,
            PASSAGE_NORMALISATION,
        ),
        _saturate(in_sentences, sentence_lengths, SENTENCE_SATURATION, SENTENCE_NORMALISATION),
    )


def _count(words: StemArray, lengths: IntArray, stems: Sequence[str]) -> FloatArray:
    """Count stems in consecutive texts of so many words, given as the numbers of their stems: (texts, stems)."""
    counts = np.zeros((len(lengths), len(stems)), np.float32)
    if stems:
        numbers = np.array([number_stem(stemmed) for stemmed in stems], np.uint32)
        order = np.argsort(numbers)
        place = np.searchsorted(numbers[order], words).clip(max=len(order) - 1)
        is_found = numbers[order][place] == words
        texts = np.repeat(np.arange(len(lengths)), lengths)
        np.add.at(counts, (texts[is_found], order[place[is_found]]), 1)
    return counts


def _saturate(counts: FloatArray, lengths: IntArray, saturation: float, normalisation: float) -> FloatArray:
    """Weigh counts (n, stems) as BM25 does, by the lengths (n,) of their texts against the mean one."""
    scale = saturation * (1 - normalisation + normalisation * lengths / max(lengths.mean(), 1.0))
    weighed: FloatArray = (counts * (saturation + 1) / (counts + scale[:, None])).astype(np.float32)
    return weighed


@lru_cache(maxsize=1 << 12)
def _read_header(article: ArticleRef) -> StemArray:
    """Read what is known of an article apart from its text: title, outlet and day."""
    day = f"{article.published:%A %B} {article.published.day} {article.published.year}" if article.published else ""
    words = find_words(f"{article.title} {article.outlet or ''} {day}")
    return np.array([number_word(word) for word in words], np.uint32)
