"""Whether evidence supports a statement, without a language model.

Two things are asked. Is anything in the statement that the evidence lacks or contradicts (assistant/contradictions.py)?
Then it isn't supported, however near its meaning is. And how near is its meaning? The words of the statement are
matched with those of the evidence by their vectors in context (BERTScore, Zhang et al. 2020), and a logistic regression
over a few measures (`FEATURES`) gives the score. Its weights are in grounding_weights.json, learned by
notebooks/learn_grounding.py.
"""

import json
import math
import re
import threading
from bisect import bisect_right
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TypeAlias
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt

from assistant.assertions import find_misstated
from assistant.clauses import read_verbs
from assistant.contradictions import (
    REPEATING_SHARE,
    VERBATIM_SHARE,
    align,
    find_additions,
    find_contradictions,
    find_crossings,
    find_exchanged,
    find_misquoted,
    find_missing,
    find_other_shares,
    find_substituted_phrases,
    find_substitutions,
    find_unsaid,
    read_facts,
)
from assistant.embedding import Embedder, PassageInput
from assistant.errors import SettingsError
from assistant.facts import Token, read_tokens
from assistant.headers import find_dated, is_report, read_header
from assistant.sentences import split_sentences
from assistant.terms import STOP_WORDS
from assistant.types import Span, Support

FloatArray: TypeAlias = npt.NDArray[np.float32]

WEIGHTS_FILE = Path(__file__).with_name("grounding_weights.json")

SUPPORTED_FROM = (
    0.5  # the score from which a statement counts as supported, if nothing in it is missing or contradicted
)
MAX_STATEMENT_CHARACTERS = 2_000
MAX_SENTENCE_CHARACTERS = 1_000  # what is longer is read in pieces
MAX_SENTENCES = 8  # of the evidence, that are read closely,
CITED_SENTENCES = 5  # an answer cites no more for a statement; in an article a verb has clauses that say other things
LEAST_SHARE = 0.25  # and how much each must hold of what the best one holds
MAX_CLAUSES = 3  # of a statement, that are weighed one by one
PHRASE_WORDS = 3
MAX_KEPT_WORDS = 4_000  # whose vectors are kept for the next statement: 6 MB, of a model on this machine

FEATURES = (
    "nearness",  # mean over the statement's content words of their nearest word's cosine, in the sentence that is best
    "weakest",  # the least cosine of a three-word phrase of the statement with the nearest phrase of any sentence
    "facts",  # share of the statement's tokens that are names, numbers or days, and in the evidence
    "elsewhere",  # share of the statement's tokens that only a sentence far from the one that holds most can add
    "skips",  # how often the statement goes on where the sentence that is most like it has words between
    "sentences",  # the fewest sentences that hold all its tokens that are held: many are less near to any one of them
    "is_article",  # 1 where these are the nearest of many sentences: one of them is near by chance
)


@dataclass(frozen=True, slots=True)
class Measures:
    """What a statement was measured by: a value for each of `FEATURES`, and what its evidence lacks or contradicts.

    Those of the faults that are a name, a number or a day which the evidence doesn't have are `missing`.
    """

    features: npt.NDArray[np.float64]
    faults: tuple[str, ...]
    missing: tuple[str, ...] = ()
    is_verbatim: bool = False  # a whole sentence of the evidence

    @property
    def is_article(self) -> bool:
        """Whether the evidence has more sentences than an answer cites for a statement."""
        return bool(self.features[FEATURES.index("is_article")])


def verify(statement: str, evidence: Sequence[str], *, embedder: Embedder) -> Support:
    """Check a statement against evidence, given as sentences or as whole articles; one text alone will do.

    A text that is an outlet and a day, as "Vale Observer, 1 April 2025", heads an article: it proves who reported what
    the others say, and when, and what they mean by "yesterday" or "on Monday", but nothing of what happened.

    The score is near the chance that the evidence supports the statement; each fault lowers it, and any fault makes it
    unsupported. The reasons say in words what is missing, contradicted or not verbatim.
    """
    if isinstance(evidence, str):
        evidence = [evidence]
    if not isinstance(statement, str) or not all(isinstance(text, str) for text in evidence):
        raise SettingsError("a statement is text, and its evidence a list of texts")
    if not statement.strip():
        return Support(0.0, False, ("the statement is empty",))
    if len(statement) > MAX_STATEMENT_CHARACTERS:
        return Support(0.0, False, (f"the statement is longer than {MAX_STATEMENT_CHARACTERS:,} characters",))
    measures = measure(statement, evidence, embedder=embedder)
    if measures is None:
        return Support(0.0, False, ("there is no evidence",))
    score, reasons = weigh(measures), measures.faults
    if not reasons and not measures.is_verbatim:
        clauses = [measure(clause, evidence, embedder=embedder) for clause in split_clauses(statement)]
        joined = [clause for clause in clauses if clause is not None]
        faults = tuple(dict.fromkeys(fault for clause in joined for fault in clause.faults))
        weakest = min(map(weigh, joined), default=0.0)
        if not faults:  # no one sentence need say all of them
            score = max(score, weakest)
        elif not measures.is_article:  # what one says otherwise is plainer beside what says the same
            score, reasons = weakest, faults
    if score < SUPPORTED_FROM and not reasons:
        reasons = ("no sentence of the evidence says this",)
    return Support(score, score >= SUPPORTED_FROM and reasons == (), reasons)


_JOINED = re.compile(r"(?:, (?:and|but|while)|;) ")


def split_clauses(statement: str) -> Sequence[str]:
    """Split a statement where it joins clauses that each have a subject; nothing where it joins none, or many."""
    clauses = [clause for clause in _JOINED.split(statement) if clause.strip()]
    return clauses if 1 < len(clauses) <= MAX_CLAUSES and all(map(_has_subject, clauses)) else ()


def _has_subject(clause: str) -> bool:
    return any(verb.agents or verb.has_pronoun for verb in read_verbs(clause))


def weigh(measures: Measures) -> float:
    """Weigh what was measured into a score from 0 to 1."""
    weights = _read_weights()
    logit = weights["intercept"] + weights["fault"] * min(3, len(measures.faults))
    logit += sum(weights[name] * float(value) for name, value in zip(FEATURES, measures.features, strict=True))
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, logit))))


@cache
def _read_weights() -> Mapping[str, float]:
    weights: Mapping[str, float] = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return weights


def measure(statement: str, evidence: Sequence[str], *, embedder: Embedder) -> Measures | None:
    """Measure a statement against evidence; None where there is no evidence."""
    headers = [header for text in evidence if (header := read_header(text)) is not None]
    evidence = [
        _close_numbers(text, statement)
        for text in evidence
        if (header := read_header(text)) is None or is_report(statement, header)
    ]
    dated = frozenset[str]().union(*(find_dated(evidence, header) for header in headers))
    sentences = [text[span.start : span.end] for text in evidence for span in _cut(text)]
    if not sentences:
        return None
    is_long = len(sentences) > CITED_SENTENCES
    ours = read_tokens(statement)
    if any(is_repeated(statement, sentence) for sentence in sentences):
        features = np.array((1.0, 1.0, _share_facts(ours, of=len(ours)), 0.0, 0.0, 1.0, float(is_long)))
        return Measures(features, (), is_verbatim=True)
    read = [read_tokens(sentence) for sentence in sentences]
    chosen = choose_sentences(ours, read)
    alignments = [align(ours, read[index]) for index in chosen]
    facts = read_facts(read)
    texts = [statement, *(sentences[index] for index in chosen)]
    spans = [find_word_spans(text) for text in texts]
    words = [statement[start:end].lower() for start, end in spans[0]]
    vectors = _embed_words(texts, spans, embedder)

    def likeness(place: int, number: int, at: int) -> float:
        """Compare a token of the statement with one of a sentence, by their words' vectors."""
        one = _find_row(spans[0], ours[place])
        other = _find_row(spans[1 + number], alignments[number].sentence[at])
        return float(vectors[0][one] @ vectors[1 + number][other])

    theirs = np.concatenate(vectors[1:])

    def nearest(place: int) -> float:
        return float((theirs @ vectors[0][_find_row(spans[0], ours[place])]).max(initial=-1.0))

    def compare(one: str, other: str) -> float:
        """Compare two phrases by themselves."""
        first, second = embedder.embed_questions([one, other])
        return float(first @ second)

    missing = tuple(find_missing(ours, facts, dated))
    faults = (
        *missing,
        *find_contradictions(ours, alignments),
        *find_crossings(ours, alignments),
        *find_exchanged(statement, [sentences[index] for index in chosen]),
        *find_substitutions(alignments, likeness, is_long=is_long),
        *find_misquoted(statement, evidence),
    )
    if not is_long:  # in an article, another sentence may have the phrase
        faults += tuple(find_substituted_phrases(statement, texts[1:], alignments, compare))
        faults += tuple(find_other_shares(statement, texts[1:], compare))
        held = {token.form for sentence in read for token in sentence}
        faults += tuple(find_unsaid(statement, ours, held, nearest))
    cited = [(sentences[index], read[index]) for index in chosen]
    faults += (
        *find_additions(alignments, nearest, share=VERBATIM_SHARE if is_long else REPEATING_SHARE),
        *find_misstated(statement, ours, cited, is_long=is_long),
    )
    measured = (
        *_measure_nearness(words, vectors),
        _share_facts([token for token in ours if token.form in facts.units or token.form in dated], of=len(ours)),
        _measure_elsewhere(ours, read, chosen),
        max(alignments, key=lambda alignment: alignment.share).count_skips(),
        _count_sentences(ours, read),
        float(is_long),
    )
    return Measures(np.array(measured, float), tuple(dict.fromkeys(faults)), missing)


_GROUPED = re.compile(r"\d+(?:[.,]\d+)+")


def _close_numbers(text: str, statement: str) -> str:
    """Write the statement's numbers in the evidence as the statement does: scanned text has "1. 3 million" for 1.3."""
    for number in set(_GROUPED.findall(statement)):
        spaced = re.sub(r"[.,]", lambda mark: rf"\s?\{mark[0]}\s?", number)
        text = re.sub(rf"(?<![\d.,]){spaced}(?!\d)", number, text)
    return text


def _cut(text: str) -> Iterator[Span]:
    """Yield the sentences of a text; one that is very long in pieces."""
    for start, end in split_sentences(text):
        while end - start > MAX_SENTENCE_CHARACTERS:
            space = text.rfind(" ", start + 1, start + MAX_SENTENCE_CHARACTERS)
            piece = Span(start, space if space > 0 else start + MAX_SENTENCE_CHARACTERS)
            yield piece
            start = piece.end
        yield Span(start, end)


def choose_sentences(ours: Sequence[Token], read: Sequence[Sequence[Token]]) -> list[int]:
    """Choose the sentences that hold most of a statement's tokens, rare ones counting more, neighbours half."""
    wanted = {token.form for token in ours}
    held = [wanted.intersection([token.form for token in sentence]) for sentence in read]
    counts = Counter(form for forms in held for form in forms)
    rarity = {form: math.log((len(read) + 1) / count) + 0.2 for form, count in counts.items()}
    own = [0.0, *(sum(rarity[form] for form in forms) for forms in held), 0.0]
    scores = [score + max(before, after) / 2 for before, score, after in zip(own, own[1:], own[2:], strict=False)]
    best = sorted(range(len(read)), key=lambda index: -scores[index])[:MAX_SENTENCES]
    return sorted(index for index in best if scores[index] >= LEAST_SHARE * scores[best[0]])


def is_repeated(statement: str, sentence: str) -> bool:
    """Tell whether a statement is a whole sentence of its evidence, but for spaces, case and the full stop."""
    ours, theirs = (" ".join(text.split()).lower().removesuffix(".") for text in (statement, sentence))
    return ours == theirs


def _share_facts(facts: Sequence[Token], *, of: int) -> float:
    """Compute the share of a statement's tokens that are facts."""
    return sum(token.is_fact for token in facts) / max(1, of)


# Measuring ------------------------------------------------------------------------------------------------------------

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


def find_word_spans(text: str) -> tuple[Span, ...]:
    """Find the words of a text."""
    return tuple(Span(*match.span()) for match in _WORD.finditer(text))


class _WordVectors:
    """The vectors of the words of the texts that were read last, for the statements of one answer cite the same."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, FloatArray] = OrderedDict()
        self._words = 0
        self._lock = threading.Lock()

    def get(self, text: str) -> FloatArray | None:
        with self._lock:
            if text in self._kept:
                self._kept.move_to_end(text)
            return self._kept.get(text)

    def keep(self, text: str, vectors: FloatArray) -> None:
        with self._lock:
            if text not in self._kept:
                self._words += len(vectors)
            self._kept[text] = vectors
            while self._words > MAX_KEPT_WORDS:
                self._words -= len(self._kept.popitem(last=False)[1])


_kept: WeakKeyDictionary[Embedder, _WordVectors] = WeakKeyDictionary()


def _embed_words(texts: Sequence[str], spans: Sequence[tuple[Span, ...]], embedder: Embedder) -> list[FloatArray]:
    """Embed each word of each text in its context: an array (words, dimension) a text."""
    kept = _kept.setdefault(embedder, _WordVectors())
    found = {text: kept.get(text) for text in texts}
    missing = {text: words for text, words in zip(texts, spans, strict=True) if found[text] is None}
    embedded = embedder.embed_passages([PassageInput("", text, words) for text, words in missing.items()])
    vectors = {text: known for text, known in found.items() if known is not None}
    for text, passage in zip(missing, embedded, strict=True):
        vectors[text] = passage.sentences
        kept.keep(text, passage.sentences)
    return [vectors[text] for text in texts]


def _find_row(spans: Sequence[Span], token: Token) -> int:
    """Find the word that a token begins in, or the first where it begins in none."""
    return max(0, bisect_right(spans, token.start, key=lambda span: span.start) - 1)


def _measure_nearness(words: Sequence[str], vectors: Sequence[FloatArray]) -> tuple[float, float]:
    """Measure `nearness` and `weakest` from the vectors of the statement's words and of each sentence's."""
    ours, theirs = vectors[0], [sentence for sentence in vectors[1:] if len(sentence)]
    if not len(ours) or not theirs:
        return 0.0, 0.0
    content = np.array([word not in STOP_WORDS for word in words])
    content = content if content.any() else ~content
    nearness = max(float((ours[content] @ sentence.T).max(axis=1).mean()) for sentence in theirs)
    phrases = _join_phrases(ours)
    likeness = [(phrases @ _join_phrases(sentence).T).max(axis=1) for sentence in theirs]
    return nearness, float(np.max(likeness, axis=0).min())


def _join_phrases(words: FloatArray) -> FloatArray:
    """Return the direction of every run of `PHRASE_WORDS` words, or of all where there are fewer."""
    sums = np.cumsum(words, axis=0)
    if len(words) > PHRASE_WORDS:
        sums = sums[PHRASE_WORDS - 1 :] - np.concatenate([np.zeros_like(sums[:1]), sums[:-PHRASE_WORDS]])
    else:
        sums = sums[-1:]
    phrases: FloatArray = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
    return phrases


def _measure_elsewhere(ours: Sequence[Token], read: Sequence[Sequence[Token]], chosen: Sequence[int]) -> float:
    """Measure `elsewhere`. Facts don't count: who and when often stand in another sentence, or in the header."""
    wanted = {token.form for token in ours}
    held = {index: wanted.intersection([token.form for token in read[index]]) for index in chosen}
    best = max(chosen, key=lambda index: len(held[index]))
    near = {token.form for sentence in read[max(0, best - 1) : best + 2] for token in sentence}
    missed = {token.form for token in ours if not token.is_fact} - near
    return max(len(forms & missed) for forms in held.values()) / max(1, len(wanted))


def _count_sentences(ours: Sequence[Token], read: Sequence[Sequence[Token]]) -> int:
    """Count the sentences that hold a statement's tokens between them, taking the one that holds most of what is left.

    Tokens that no sentence holds are left aside.
    """
    held = [{token.form for token in sentence} for sentence in read]
    left = {token.form for token in ours} & set[str]().union(*held)
    count = 0
    while left:
        left -= max(held, key=lambda forms: len(forms & left))
        count += 1
    return count
