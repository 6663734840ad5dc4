"""Answers with quotes: chooses the sentences that answer, says how sure it is, and abstains below a threshold.

No language model. Each sentence of the nearest passages is measured against the question (`SENTENCE_FEATURES`), and a
linear score ranks them. The question as a whole is measured against what was found (`EVIDENCE_FEATURES`), and a
logistic regression says how likely it is that the articles answer. The weights of both are in quoting_weights.json,
learned by notebooks/learn_quoting.py.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.citations import PRONOUNS, cite, find_context, needs_context
from assistant.dates import Period
from assistant.passages import find_asides, leave_out_asides
from assistant.planted import is_asked_about, speaks_to_machine
from assistant.port import Snapshot
from assistant.retrieval import MAX_QUESTION_CHARACTERS, Retrieval, is_original
from assistant.snapshot import StoredPassage
from assistant.terms import STOP_WORDS, find_names, find_numbers, find_sources, find_stems, find_terms, find_words, stem
from assistant.types import Answer, ArticleRef, Citation, Passage, Span, Statement, Support, Usage

FloatArray = npt.NDArray[np.float32]

WEIGHTS_FILE = Path(__file__).with_name("quoting_weights.json")

MAX_PASSAGES = 10  # whose sentences are measured
MAX_NEGATED_WORDS = 25  # in a longer question a "not" says something of a part of it
PREFIX_LENGTH = 5  # stems that begin alike ("colonize", "colonies") count as related

MAX_QUOTES = 3
# A further quote is shown when its share of the probability is above this for each of its characters.
PROBABILITY_PER_CHARACTER = 1.5e-5

MAX_VARIANT_SHARE = 0.25  # of the stems of a sentence that the same sentence in a copy may lack
# Two sentences of different days are about the same matter from this cosine on. A figure that both hold, and the
# question doesn't, adds to it, for a correction names what it corrects.
SAME_MATTER = 0.65
SHARED_FIGURE = 0.1
# The newer of two such sentences answers about as well where its score is at most this much lower (odds of 1:7)
# and this share of the other's words of the question is in or about it. The older one is kept though less likely.
NEWER_MARGIN = 2.0
NEWER_WINDOW = 0.8
OLDER_MARGIN = 6.0
# Which sentence of an article it is: so much of a score does its likeness count.
LIKENESS_WEIGHT = 10.0

ABSTENTION = "The articles don't answer this."

# What each sentence is measured by; shares are of the question's terms, weighted by how rare they are.
SENTENCE_FEATURES = (
    "held",  # share of the terms that the sentence holds
    "before",  # share that only the sentence before it holds
    "earlier",  # share that only the second sentence before it holds
    "after",  # share that only the sentence after it holds, in the same paragraph
    "titled",  # share that only the title, outlet or date holds
    "related",  # share that only a word with the same beginning stands for
    "inherited",  # `before`, where the sentence begins with a pronoun
    "cosine",  # of the question and the sentence, as read in its passage
    "lacks_date",  # the question asks when, and there is no date or time
    "lacks_name",  # the question asks who or where, and there is no name that isn't in the question
    "lacks_number",  # the question asks how many, and there is no number that isn't in the question
)

_WINDOW_FEATURES = ("held", "before", "earlier", "after", "titled", "related")

# What the evidence for the whole question is measured by.
EVIDENCE_FEATURES = (
    "cosine",  # of the question and the sentence that is nearest to it
    "best_cosine",  # of the question and the sentence that is ranked first
    "window",  # share of the terms in or about that sentence: what is held, before, after, titled or related
    "names_missing",  # share of the question's names that no passage holds
    "sources_missing",  # share of the outlets that the question names that none of the passages is from
    "negation_missing",  # the question has a "not", and neither the best sentence nor its neighbours have one
)


# Reading

_CAPITALISED = re.compile(r"(?<=[\w,;:’'”)—–-] )[“\"‘'(]?([A-Z]\w+)")
_DATE = re.compile(
    r"\b(?:1\d\d\d|20\d\d)s?\b|\d(?:st|nd|rd|th)\b|\b\d{1,2}[:.]\d\d\b|\b(?:March|May) \d|\d (?:March|May)\b"
    r"|\b(?:January|February|April|June|July|August|September|October|November|December)\b"
    r"|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b|\b[ap]\.?m\b|\b(?:yesterday|today|tomorrow|century|centuries)\b"
    r"|\b(?:last|next|this) (?:week|month|year|night|spring|summer|autumn|fall|winter)\b",
    re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|million|billion|trillion|half|third|quarter|twice|double|several|none|no)s?\b",
    re.IGNORECASE,
)
# "t" is what is left of "didn't".
_NEGATIONS = frozenset({"not", "never", "no", "nor", "none", "neither", "without", "cannot", "t", "except"})


@dataclass(frozen=True, slots=True)
class SentenceReading:
    """What a sentence is compared by. `names` are stems of capitalised words after the first, `words` all its stems."""

    stems: frozenset[str]
    prefixes: frozenset[str]
    names: frozenset[str]
    numbers: frozenset[str]
    words: str
    is_negated: bool
    has_pronoun_start: bool
    text: str


@lru_cache(maxsize=1 << 14)
def read_sentence(text: str) -> SentenceReading:
    """Read a sentence once; the readings of recent ones are kept, since near questions meet the same sentences."""
    words = find_words(text)
    every = [stem(word) for word in words]
    stems = [stemmed for word, stemmed in zip(words, every, strict=True) if word not in STOP_WORDS]
    names = {stem(found.lower()) for found in _CAPITALISED.findall(text) if found.lower() not in STOP_WORDS}
    return SentenceReading(
        stems=frozenset(stems),
        prefixes=frozenset(stemmed[:PREFIX_LENGTH] for stemmed in stems if len(stemmed) >= PREFIX_LENGTH),
        names=frozenset(names),
        numbers=frozenset(find_numbers(text)),
        words=f" {' '.join(every)} ",
        is_negated=not _NEGATIONS.isdisjoint(words),
        has_pronoun_start=bool(words) and words[0] in PRONOUNS,
        text=text,
    )


# Apart from the reading, for they take longer than all the rest of it and few questions ask for them.


@lru_cache(maxsize=1 << 14)
def _has_date(text: str) -> bool:
    return bool(_DATE.search(text))


@lru_cache(maxsize=1 << 14)
def _has_number(text: str) -> bool:
    return bool(_NUMBER.search(text))


_KIND = re.compile(
    r"\b(whom?|whose|when|where|why|which|what|how (?:many|much|long|old|often|far|high|tall|large|big|deep|fast)|how)"
    r"\b(.{0,60})",
    re.IGNORECASE | re.DOTALL,
)


def _read_lexicon(words: str) -> frozenset[str]:
    return frozenset(words.split())


_TIMES = _read_lexicon("year years date dates day month century decade")
_QUANTITIES = _read_lexicon("""
    percentage percent number amount population price cost rate temperature length height size share proportion distance
    age
""")
_PLACES = _read_lexicon("country countries city cities state place region location town area continent nation")
# Words that say what kind of thing is asked for: the sentence that answers seldom holds them ("in what country").
_KIND_WORDS = frozenset(
    stem(word)
    for word in _read_lexicon("""
        year date month day century decade time period era country city town state place region location area nation
        person people man woman group company organization team name term word type kind sort form example number amount
        percentage percent figure many much long old far high large big often reason way thing called named known
        described referred located happened took does
    """)
)
KIND_WORD_SHARE = 0.5


@dataclass(frozen=True, slots=True)
class QuestionReading:
    """What a question is compared by. `weights` map its stems to how much each of them says."""

    weights: Mapping[str, float]
    total: float
    names: tuple[str, ...]
    numbers: frozenset[str]
    sources: tuple[str, ...]
    is_negated: bool
    kind: str


def read_question(question: str, *, frequencies: Mapping[str, int], passage_count: int) -> QuestionReading:
    """Read a question. `frequencies` count the passages, of `passage_count`, that hold each of its terms.

    A term weighs log((passages + 10) / (frequency + 2)), or / 0.5 where it is in no passage. The constants keep the
    weights sensible in a library of three passages, where a frequency says little.
    """
    question = question[:MAX_QUESTION_CHARACTERS]
    words = find_words(question)
    weights: dict[str, float] = {}
    for term in find_terms(question):
        stemmed = stem(term)
        frequency = frequencies.get(term, 0)
        weight = math.log((passage_count + 10) / (frequency + 2 if frequency else 0.5))
        weights[stemmed] = weight * (KIND_WORD_SHARE if stemmed in _KIND_WORDS else 1.0)
    return QuestionReading(
        weights=weights,
        total=sum(weights.values()) or 1.0,
        names=tuple(_to_words(name) for name in find_names(question)),
        numbers=frozenset(find_numbers(question)),
        sources=tuple(dict.fromkeys(map(_to_words, find_sources(question)))),
        is_negated=len(words) <= MAX_NEGATED_WORDS and not _NEGATIONS.isdisjoint(words),
        kind=_find_kind(question),
    )


def _to_words(name: str) -> str:
    """Write a name as `SentenceReading.words` has it, so that one is found in the other whole."""
    return f" {' '.join(map(stem, find_words(name)))} "


def _find_kind(question: str) -> str:
    """Say what is asked for: who, when, where, why, number or what."""
    match = _KIND.search(question)
    if not match:
        return "what"
    asked = match[1].lower()
    following = set(find_words(match[2])[:3])
    if asked in {"who", "whom", "whose"}:
        return "who"
    if asked in {"when", "where", "why"}:
        return asked
    if asked.startswith("how ") or following & _QUANTITIES:
        return "number"
    if following & _TIMES:
        return "when"
    return "where" if following & _PLACES else "what"


@lru_cache(maxsize=1 << 10)
def read_article_header(article: ArticleRef) -> SentenceReading:
    """Read what is known of an article apart from its text: title, outlet and day."""
    day = f"{article.published:%A %B} {article.published.day} {article.published.year}" if article.published else ""
    return read_sentence(f"{article.title} {article.outlet or ''} {day}")


# Measuring


class Place(NamedTuple):
    """Where a sentence stands: the place of its passage among those that were retrieved, and its own in the passage."""

    passage: int
    sentence: int


@dataclass(frozen=True, slots=True)
class Measured:
    """The sentences of the passages, in their order, with their readings and features (n, features)."""

    places: tuple[Place, ...]
    readings: tuple[SentenceReading, ...]
    features: npt.NDArray[np.float64]


def measure_sentences(
    question: QuestionReading, question_vector: FloatArray, passages: Sequence[StoredPassage]
) -> Measured:
    """Measure every sentence of the passages by `SENTENCE_FEATURES`, but those that speak to a machine or only ask."""
    readings = [_read_passage(passage) for passage in passages]
    at = {(passage.article.id, passage.ordinal): index for index, passage in enumerate(passages)}
    weights, total, asked = question.weights, question.total, frozenset(question.weights)
    empty = read_sentence("")
    places: list[Place] = []
    measured: list[SentenceReading] = []
    rows: list[tuple[float, ...]] = []
    for index, passage in enumerate(passages):
        sentences = readings[index]
        header = read_article_header(passage.article)
        cosines = passage.sentence_vectors @ question_vector
        previous = at.get((passage.article.id, passage.ordinal - 1))
        following = at.get((passage.article.id, passage.ordinal + 1))
        ahead = readings[previous] if previous is not None else []
        earlier, before, current = [empty, empty, empty, *ahead][-3:]
        last = readings[following][0] if following is not None and readings[following] else empty
        ends = _find_paragraph_ends(passage.passage)
        for number, sentence in enumerate(sentences):
            if _is_planted(sentence.text, current.text) and not is_asked_about(sentence.text, asked):
                continue
            earlier, before, current = before, current, sentence
            if _only_asks(sentence, asked):
                continue
            after = sentences[number + 1] if number + 1 < len(sentences) else last
            if ends[number]:
                after = empty
            left = asked - sentence.stems
            in_before = left & before.stems
            in_after = (left & after.stems) - in_before
            in_earlier = (left & earlier.stems) - in_before - in_after
            in_header = (left & header.stems) - in_before - in_after - in_earlier
            share_before = sum(weights[term] for term in in_before) / total
            has_new_name = bool(sentence.names - asked)
            rows.append(
                (
                    sum(weights[term] for term in asked & sentence.stems) / total,
                    share_before,
                    sum(weights[term] for term in in_earlier) / total,
                    sum(weights[term] for term in in_after) / total,
                    sum(weights[term] for term in in_header) / total,
                    sum(weights[term] for term in left if term[:PREFIX_LENGTH] in sentence.prefixes) / total,
                    share_before * sentence.has_pronoun_start,
                    float(cosines[number]),
                    float(question.kind == "when" and not _has_date(sentence.text)),
                    float(question.kind in {"who", "where"} and not has_new_name),
                    float(question.kind == "number" and not _has_new_number(sentence, question)),
                )
            )
            places.append(Place(index, number))
            measured.append(sentence)
    features = np.array(rows, np.float64).reshape(len(rows), len(SENTENCE_FEATURES))
    return Measured(tuple(places), tuple(measured), features)


def take_in_asides(passage: StoredPassage, question: str, question_vector: FloatArray) -> StoredPassage:
    """Take what was set aside in a passage for one of its sentences, where the question asks about it.

    It has no vector, so that of the sentence that is nearest to the question stands for it.
    """
    if not (asides := find_asides(passage.passage)):
        return passage
    asked, start, text = find_stems(question), passage.passage.start, passage.passage.text
    taken = [aside for aside in asides if is_asked_about(text[aside.start - start : aside.end - start], asked)]
    vectors = passage.sentence_vectors
    rows = dict(zip(passage.passage.sentences, vectors, strict=False))
    rows |= dict.fromkeys(taken, vectors[int(np.argmax(vectors @ question_vector))])
    sentences = tuple(sorted(rows))
    stacked = np.stack([rows[span] for span in sentences]) if rows else vectors
    return replace(passage, passage=replace(passage.passage, sentences=sentences), sentence_vectors=stacked)


@lru_cache(maxsize=1 << 14)
def _is_planted(sentence: str, before: str) -> bool:
    """Whether a sentence speaks to a machine: of a library that was filled before those were set aside."""
    return speaks_to_machine(sentence, before)


def _only_asks(sentence: SentenceReading, asked: frozenset[str]) -> bool:
    """Whether a sentence asks what is asked and says nothing else, which answers nothing, however alike the two are."""
    return sentence.text.endswith("?") and sentence.stems <= asked


def _find_paragraph_ends(passage: Passage) -> list[bool]:
    """Say of each sentence whether a line ends between it and the next one, but for what was set aside there."""
    text, sentences = leave_out_asides(passage)
    starts = [span.start for span in sentences[1:]] + [len(text)]
    return ["\n" in text[span.end : start] for span, start in zip(sentences, starts, strict=False)]


def _has_new_number(sentence: SentenceReading, question: QuestionReading) -> bool:
    return bool(sentence.numbers - question.numbers) or (not sentence.numbers and _has_number(sentence.text))


def _read_passage(passage: StoredPassage) -> list[SentenceReading]:
    start, text = passage.passage.start, passage.passage.text
    return [read_sentence(text[span.start - start : span.end - start]) for span in passage.passage.sentences]


def measure_evidence(
    question: QuestionReading, passages: Sequence[StoredPassage], measured: Measured, scores: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Measure by `EVIDENCE_FEATURES` how well the question is met by what was found, at least one sentence."""
    best = int(np.argmax(scores))
    row = dict(zip(SENTENCE_FEATURES, measured.features[best], strict=True))
    headers = {read_article_header(passage.article).words for passage in passages}
    everywhere = "".join(reading.words for reading in measured.readings) + "".join(headers)
    outlets = [_to_words(passage.article.outlet) for passage in passages if passage.article.outlet]
    near = measured.readings[max(0, best - 1) : best + 2]
    values = {
        "cosine": measured.features[:, SENTENCE_FEATURES.index("cosine")].max(),
        "best_cosine": row["cosine"],
        "window": min(1.0, sum(row[name] for name in _WINDOW_FEATURES)),
        "names_missing": _share(name not in everywhere for name in question.names),
        # Articles without an outlet say nothing about which outlets are known.
        "sources_missing": _share(not any(name in outlet for outlet in outlets) for name in question.sources)
        if outlets
        else 0.0,
        "negation_missing": float(question.is_negated and not any(reading.is_negated for reading in near)),
    }
    return np.array([values[name] for name in EVIDENCE_FEATURES], np.float64)


def _share(conditions: Iterable[bool]) -> float:
    values = list(conditions)
    return sum(values) / len(values) if values else 0.0


# Answering


@dataclass(frozen=True, slots=True)
class QuotingWeights:
    """What was learned: weights of the features in their order, and the intercept of the confidence."""

    sentence: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]
    intercept: float


@cache
def load_weights(path: Path = WEIGHTS_FILE) -> QuotingWeights:
    """Load the learned weights; the file names every feature, so that none is taken for another."""
    learned = json.loads(path.read_text(encoding="utf-8"))
    return QuotingWeights(
        np.array([learned["sentence"][name] for name in SENTENCE_FEATURES]),
        np.array([learned["evidence"][name] for name in EVIDENCE_FEATURES]),
        float(learned["intercept"]),
    )


def choose_sentences(
    measured: Measured,
    scores: npt.NDArray[np.float64],
    lengths: Sequence[int],
    stories: Sequence[tuple[int, str]] = (),
) -> list[int]:
    """Choose at most `MAX_QUOTES` sentences, best first: the best one, and others that are worth their characters.

    The softmax of the scores is how likely each sentence is the one that answers. A sentence in the words of one that
    was chosen is passed over, and so is one from another copy of its article that says the same with words more or
    less: `stories` are the story and the article of each sentence.
    """
    probabilities = np.exp(scores - scores.max())
    probabilities /= probabilities.sum()
    worth = probabilities - PROBABILITY_PER_CHARACTER * np.asarray(lengths)
    best = int(np.argmax(scores))
    chosen, seen = [best], {measured.readings[best].words}
    for index in map(int, np.argsort(-worth, kind="stable")):
        if len(chosen) == MAX_QUOTES or worth[index] <= 0:
            break
        if measured.readings[index].words not in seen and not any(
            _is_variant(measured.readings[index], measured.readings[other])
            for other in chosen
            if stories and stories[index][0] == stories[other][0] and stories[index][1] != stories[other][1]
        ):
            chosen.append(index)
            seen.add(measured.readings[index].words)
    return chosen


def _is_variant(one: SentenceReading, other: SentenceReading) -> bool:
    """Whether of two sentences one says the other with a few words more, which change no figure and no negation.

    Where a word stands in the place of another the two may contradict each other.
    """
    fewer, more = sorted((one.stems, other.stems), key=len)
    is_near = fewer <= more and len(more) - len(fewer) <= MAX_VARIANT_SHARE * len(more)
    return is_near and one.numbers == other.numbers and one.is_negated == other.is_negated


def _find_original(index: int, measured: Measured, retrieval: Retrieval) -> int:
    """Find the sentence in the same words of the copy that was published first, of those about as good."""

    def is_earlier(other: int, than: int) -> bool:
        place, other_place = measured.places[than].passage, measured.places[other].passage
        passage, other_passage = retrieval.candidates[place], retrieval.candidates[other_place]
        return passage.story == other_passage.story and is_original(
            other_passage.article,
            passage.article,
            score=retrieval.scores[other_place],
            other_score=retrieval.scores[place],
        )

    original = index
    for other, reading in enumerate(measured.readings):
        if reading.words == measured.readings[index].words and is_earlier(other, original):
            original = other
    return original


def order_by_day(
    chosen: Sequence[int],
    *,
    question: QuestionReading,
    measured: Measured,
    scores: npt.NDArray[np.float64],
    passages: Sequence[StoredPassage],
) -> list[int]:
    """Put what the newest article says first, and what older ones said of the same matter next, by day.

    `chosen` are sentences, best first. An article of another day has a say with the one sentence that is most like the
    best and scores well itself, of those that were chosen, or of all where there is room for more than were. What else
    was chosen comes after those. Where the best has no date, or the question names the outlets to ask, nothing moves.
    """
    best = chosen[0]
    articles = [passages[place.passage].article for place in measured.places]
    stories = [passages[place.passage].story for place in measured.places]
    published = articles[best].published
    if published is None or question.sources:
        return list(chosen)
    windows = measured.features[:, [SENTENCE_FEATURES.index(name) for name in _WINDOW_FEATURES]].sum(axis=1)
    rivals: dict[str, tuple[float, int]] = {}
    likely = map(int, np.flatnonzero(scores >= scores[best] - OLDER_MARGIN))
    for index in chosen if len(chosen) == MAX_QUOTES else likely:
        time = articles[index].published
        is_copy = measured.readings[index].words == measured.readings[best].words
        # Of one day, only a story that was changed has an earlier and a later word.
        is_of_day = time is not None and time.date() == published.date() and stories[index] != stories[best]
        if time is None or time == published or is_of_day or is_copy:
            continue
        answers_as_well = scores[index] >= scores[best] - NEWER_MARGIN
        if time > published and not (answers_as_well and windows[index] >= NEWER_WINDOW * windows[best]):
            continue
        likeness = _measure_likeness(best, index, question, measured, passages)
        if likeness >= SAME_MATTER:
            rank = float(scores[index]) + LIKENESS_WEIGHT * likeness
            rivals[articles[index].id] = max(rivals.get(articles[index].id, (-math.inf, 0)), (rank, index))
    told = {best: published}
    for _, index in sorted(rivals.values(), reverse=True)[: MAX_QUOTES - 1]:
        told[index] = articles[index].published or published
    by_day = sorted(told, key=told.__getitem__, reverse=True)
    return [*by_day, *(index for index in chosen if index not in told)][:MAX_QUOTES]


def _put_first(period: Period, chosen: Sequence[int], articles: Sequence[ArticleRef]) -> list[int]:
    """Put the sentences of a period's articles before the others, and leave their order as it is otherwise."""

    def is_outside(index: int) -> bool:
        published = articles[index].published
        return published is None or not period.holds(published.date())

    return sorted(chosen, key=is_outside)


def _measure_likeness(
    one: int, other: int, question: QuestionReading, measured: Measured, passages: Sequence[StoredPassage]
) -> float:
    """Measure how likely two sentences are about the same matter: their cosine, and more for a figure in both."""
    first, second = (
        passages[place.passage].sentence_vectors[place.sentence]
        for place in (measured.places[one], measured.places[other])
    )
    shared = (measured.readings[one].numbers & measured.readings[other].numbers) - question.numbers
    return float(first @ second) + SHARED_FIGURE * bool(shared)


def answer_with_quotes(
    question: str, retrieval: Retrieval, *, library: Snapshot, threshold: float, preferred: Period | None = None
) -> Answer:
    """Answer with at most three verbatim sentences, or abstain where the confidence is below `threshold` (0 to 1).

    Citations are numbered by how well they answer; where articles of different days do, the newest has the first number
    and the older ones come next (`order_by_day`), unless the question names days itself: then those of the `preferred`
    period do. Statements stand in the order of their article, and the articles in
    that of their best citation. `seconds` is left at 0 for the caller, who knows when the question came.
    """
    vector = retrieval.question_vector
    passages = [take_in_asides(passage, question, vector) for passage in retrieval.candidates[:MAX_PASSAGES]]
    frequencies = retrieval.frequencies
    asked = read_question(question, frequencies=frequencies, passage_count=library.passage_count)
    measured = measure_sentences(asked, vector, passages)
    weights = load_weights()
    confidence = 0.0
    citations: tuple[Citation, ...] = ()
    if measured.places:
        scores = measured.features @ weights.sentence
        evidence = measure_evidence(asked, passages, measured, scores)
        confidence = 1 / (1 + math.exp(-float(evidence @ weights.evidence) - weights.intercept))
        if confidence >= threshold:
            spans = [_find_span(passages, place) for place in measured.places]
            told_by = [passages[place.passage] for place in measured.places]
            stories = [(passage.story, passage.article.id) for passage in told_by]
            chosen = choose_sentences(measured, scores, [end - start for start, end in spans], stories)
            chosen = [_find_original(index, measured, retrieval) for index in chosen]
            # A question of several clauses asks more than one thing, each of which may have its own day.
            if preferred is not None:
                chosen = _put_first(preferred, chosen, [passages[place.passage].article for place in measured.places])
            elif len(retrieval.question.clauses) == 1:
                chosen = order_by_day(chosen, question=asked, measured=measured, scores=scores, passages=passages)
            citations = _cite_all(
                [(retrieval.candidates[measured.places[index].passage], spans[index]) for index in chosen], library
            )
    statements = tuple(
        Statement(citation.quote, (citation,), Support(1.0, True, ("verbatim",)))
        for citation in _in_reading_order(citations)
    )
    return Answer(
        question=question,
        text=" ".join(statement.text for statement in statements) or ABSTENTION,
        statements=statements,
        citations=citations,
        abstained=not citations,
        confidence=confidence,
        retrieved=tuple(retrieval.passages),
        model="quotes",
        usage=Usage(),
        seconds=0.0,
    )


def _find_span(passages: Sequence[StoredPassage], place: Place) -> Span:
    return passages[place.passage].passage.sentences[place.sentence]


def _cite_all(chosen: Sequence[tuple[StoredPassage, Span]], library: Snapshot) -> tuple[Citation, ...]:
    citations = []
    for number, (passage, span) in enumerate(chosen, start=1):
        article = library.article(passage.article.id)
        if article is None:  # can't be: a snapshot is one state of the library
            continue
        context_start = span.start
        if needs_context(article.text[span.start : span.end]):
            sentences = [sentence for other in library.passages(passage.article.id) for sentence in other.sentences]
            context_start = find_context(article.text, span, sentences)
        copies, is_aside = library.copies(article.id), span not in passage.passage.sentences
        citations.append(
            cite(article, span, number=number, context_start=context_start, copies=copies, is_aside=is_aside)
        )
    return tuple(citations)


def _in_reading_order(citations: Sequence[Citation]) -> list[Citation]:
    """Order citations as they are read: by article, best article first, and within an article by place."""
    first: dict[str, int] = {}
    for citation in citations:
        first.setdefault(citation.article.id, citation.number)
    return sorted(citations, key=lambda citation: (first[citation.article.id], citation.start))
