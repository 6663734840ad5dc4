"""What is measured, each with its definition and its source; pure functions of plain sequences.

A figure of None is one that a case has no part in: the recall of a question without evidence, the support of an answer
that wasn't given. Nothing here knows a model or an index.

Evidence is found by stretches of articles: ranked passages, or the quotes of an answer. A piece is found at the rank at
which the stretches so far, together, hold `COVERED` of it.
"""

import math
import re
import string
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from assistant.evaluation.locating import Piece, Place

Floats = npt.NDArray[np.float64]
Numbers = Sequence[float] | Floats
Columns = Mapping[str, Floats]  # figures of cases, (cases,) each; NaN is None

COVERED = 0.6  # of a piece's characters: cuts may take its edges off, not its heart
DEPTH = 10  # ranks that are looked at
BINS = 10

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_PUNCTUATION = frozenset(string.punctuation)


# Rankings ------------------------------------------------------------------------------------------------------------


def rank_pieces(stretches: Sequence[Place], pieces: Sequence[Piece]) -> list[int | None]:
    """Say at which rank, from 1, each piece is found in ranked stretches; None where it isn't."""
    return [_rank_piece(stretches, piece) for piece in pieces]


def _rank_piece(stretches: Sequence[Place], piece: Piece) -> int | None:
    missing = [_length(place) for place in piece.places]
    held: list[list[tuple[int, int]]] = [[] for _ in piece.places]
    for rank, (article, span) in enumerate(stretches, start=1):
        for number, (gold, wanted) in enumerate(piece.places):
            if article != gold:
                continue
            if wanted is None or span is None:
                return rank
            start, end = max(span.start, wanted.start), min(span.end, wanted.end)
            if start < end:
                held[number].append((start, end))
                if _measure_union(held[number]) >= COVERED * missing[number]:
                    return rank
    return None


def _length(place: Place) -> int:
    return place.span.end - place.span.start if place.span else 0


def _measure_union(spans: Sequence[tuple[int, int]]) -> int:
    """Count the characters that are in any of the spans."""
    total, reached = 0, 0
    for start, end in sorted(spans):
        total += max(0, end - max(start, reached))
        reached = max(reached, end)
    return total


def hit(ranks: Sequence[int | None], limit: int) -> float:
    """Whether any piece is found within so many ranks: success@k, 1 or 0."""
    return float(any(rank is not None and rank <= limit for rank in ranks))


def recall(ranks: Sequence[int | None], limit: int) -> float:
    """Measure the share of the pieces that are found within so many ranks: recall@k."""
    return sum(rank is not None and rank <= limit for rank in ranks) / len(ranks)


def reciprocal_rank(ranks: Sequence[int | None], limit: int = DEPTH) -> float:
    """1 / the rank of the first piece that is found, 0 beyond the limit; its mean is MRR (Voorhees, 1999)."""
    return max((1 / rank for rank in ranks if rank is not None and rank <= limit), default=0.0)


def average_precision(ranks: Sequence[int | None], limit: int = DEPTH) -> float:
    """Average over all pieces the precision at the rank where each is found, 0 where it isn't; the mean of it is MAP.

    As in Manning, Raghavan and Schütze (2008), 8.4, cut at a rank. Pieces that one passage holds stand in turn, each
    at a rank of its own, so that it remains between 0 and 1.
    """
    positions = _take_turns(ranks, limit)
    precisions = [found / position for found, (position, _) in enumerate(positions, start=1)]
    return sum(precisions) / len(ranks)


def ndcg(ranks: Sequence[int | None], grades: Sequence[float], limit: int = DEPTH) -> float:
    """Normalised discounted cumulative gain (Järvelin and Kekäläinen, 2002): gain grade, discount log2(1 + rank).

    The gain is the grade itself, as in trec_eval, and the ideal ranking has the pieces first, by falling grade. Pieces
    that one passage holds stand in turn.
    """
    gained = sum(grades[piece] / math.log2(1 + position) for position, piece in _take_turns(ranks, limit))
    best = sorted(grades, reverse=True)[:limit]
    return gained / sum(grade / math.log2(1 + position) for position, grade in enumerate(best, start=1))


def _take_turns(ranks: Sequence[int | None], limit: int) -> list[tuple[int, int]]:
    """Give pieces of the same rank ranks of their own, which moves what is behind them: (rank, piece), in order."""
    positions = []
    moved, before = 0, 0
    for rank, piece in sorted((rank, piece) for piece, rank in enumerate(ranks) if rank is not None):
        moved += rank == before
        before = rank
        if rank + moved <= limit:
            positions.append((rank + moved, piece))
    return positions


# Answers -------------------------------------------------------------------------------------------------------------


def normalise_answer(text: str) -> str:
    """Lower a text, and drop ASCII punctuation, English articles and double spaces (Rajpurkar and others, 2016)."""
    plain = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", plain).split())


def exact_match(answer: str, wordings: Sequence[str]) -> float:
    """Whether an answer is one of the wordings, normalised (Rajpurkar and others, 2016): 1 or 0."""
    return max(float(normalise_answer(answer) == normalise_answer(wording)) for wording in wordings)


def token_f1(answer: str, wordings: Sequence[str]) -> float:
    """Measure the best harmonic mean of precision and recall of an answer's words (Rajpurkar and others, 2016, 2018).

    Where either has no words at all, it is whether both have none.
    """
    return max(_f1(normalise_answer(answer).split(), normalise_answer(wording).split()) for wording in wordings)


def _f1(answer: list[str], wording: list[str]) -> float:
    if not answer or not wording:
        return float(answer == wording)
    shared = sum((Counter(answer) & Counter(wording)).values())
    return 2 * shared / (len(answer) + len(wording))


def holds_answer(answer: str, wordings: Sequence[str]) -> float:
    """Whether an answer, which may be a sentence, holds one of the wordings as whole words, normalised: 1 or 0."""
    text = f" {normalise_answer(answer)} "
    return float(any(f" {normalise_answer(wording)} " in text for wording in wordings))


# Citations -----------------------------------------------------------------------------------------------------------


def citation_recall(quotes: Sequence[Place], pieces: Sequence[Piece]) -> float:
    """Measure the share of the pieces of evidence that the quotes hold, together."""
    return sum(rank is not None for rank in rank_pieces(quotes, pieces)) / len(pieces)


def citation_precision(quotes: Sequence[Place], pieces: Sequence[Piece]) -> float:
    """Measure the share of the quotes that hold `COVERED` of a piece of evidence, or lie in one to that share.

    Precision and recall of citations as in Gao and others (2023), with evidence that people marked in a judge's place.
    """
    return sum(any(_meet(quote, place) for piece in pieces for place in piece.places) for quote in quotes) / len(quotes)


def _meet(quote: Place, place: Place) -> bool:
    if quote.article != place.article:
        return False
    if quote.span is None or place.span is None:
        return True
    shared = min(quote.span.end, place.span.end) - max(quote.span.start, place.span.start)
    return shared > 0 and shared >= COVERED * min(_length(quote), _length(place))


# Abstention ----------------------------------------------------------------------------------------------------------


def balanced_accuracy(answerable: Numbers, answered: Numbers) -> float:
    """Average the share of answerable questions answered and that of the others refused; NaN without both kinds."""
    is_answerable, is_answered = np.asarray(answerable) == 1, np.asarray(answered) == 1
    if is_answerable.all() or not is_answerable.any():
        return math.nan
    return float((is_answered[is_answerable].mean() + (~is_answered[~is_answerable]).mean()) / 2)


def auroc(is_positive: Numbers, scores: Numbers) -> float:
    """Measure the area under the receiver operating characteristic; NaN without both kinds.

    It is the chance that a positive scores above a negative, ties counting half (Hanley and McNeil, 1982).
    """
    positive, values = np.asarray(is_positive) == 1, np.asarray(scores, np.float64)
    count, others = int(positive.sum()), int((~positive).sum())
    if not count or not others:
        return math.nan
    _, places, sizes = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(sizes) - (sizes - 1) / 2)[places]  # those of ties are their mean
    return float((ranks[positive].sum() - count * (count + 1) / 2) / (count * others))


def risk_coverage(confidence: Numbers, right: Numbers) -> tuple[Floats, Floats]:
    """Work out the risk-coverage curve (El-Yaniv and Wiener, 2010) of answers: (answers,) coverage and risk.

    At each coverage only so many answers are given, the surest ones, and the risk is the share of these that are
    wrong. Equally sure ones are given together: each has the risk of all of them and those before.
    """
    sure, wrong = np.asarray(confidence, np.float64), 1 - np.asarray(right, np.float64)
    order = np.argsort(-sure, kind="stable")
    given = np.arange(1, len(sure) + 1)
    last = np.searchsorted(-sure[order], -sure[order], side="right") - 1
    return given / max(len(sure), 1), (np.cumsum(wrong[order]) / given)[last]


def aurc(confidence: Numbers, right: Numbers) -> float:
    """Measure the area under the risk-coverage curve, as the mean risk over coverages (Geifman and others, 2019)."""
    return float(risk_coverage(confidence, right)[1].mean()) if len(confidence) else math.nan


def calibration_error(confidence: Numbers, truth: Numbers) -> float:
    """Measure the expected calibration error over ten equal bins (Naeini and others, 2015; Guo and others, 2017)."""
    rows = reliability(confidence, truth)
    total = sum(count for _, _, count in rows)
    return sum(count * abs(stated - true) for stated, true, count in rows) / total if total else math.nan


def reliability(confidence: Numbers, truth: Numbers) -> list[tuple[float, float, int]]:
    """Work out a reliability diagram: of each bin that isn't empty its mean confidence, share of true ones and size."""
    sure, true = np.asarray(confidence, np.float64), np.asarray(truth, np.float64)
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    return [
        (float(sure[bins == number].mean()), float(true[bins == number].mean()), int((bins == number).sum()))
        for number in np.unique(bins)
    ]


# Judges --------------------------------------------------------------------------------------------------------------


def cohens_kappa(labels: Numbers, verdicts: Numbers) -> float:
    """Measure the agreement of two judges, 1 or 0 each, beyond that of chance (Cohen, 1960).

    NaN where chance alone would agree on all: where both only ever say one thing.
    """
    one, other = np.asarray(labels) == 1, np.asarray(verdicts) == 1
    expected = one.mean() * other.mean() + (1 - one.mean()) * (1 - other.mean())
    return float(((one == other).mean() - expected) / (1 - expected)) if expected < 1 else math.nan


# All that a result has -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Metric:
    """A figure of a result: `measure` of some columns of its cases, of which a case without the last has no part in it.

    `kind` is "yes/no" where each case has 1 or 0, "mean" where it has any figure, "whole" where only all cases
    together have one, and "time" where that is of times. `better` is 1 where more is better and -1 where less is.
    """

    name: str
    kind: Literal["yes/no", "mean", "whole", "time"]
    better: Literal[1, -1]
    meaning: str
    columns: tuple[str, ...]
    measure: Callable[[Columns], float]

    def applies(self, columns: Columns) -> npt.NDArray[np.bool_]:
        """Say which cases it is about: (cases,)."""
        return np.asarray(~np.isnan(columns[self.columns[-1]]))


def _mean(name: str) -> Callable[[Columns], float]:
    def measure(columns: Columns) -> float:
        values = columns[name][~np.isnan(columns[name])]
        return float(values.mean()) if len(values) else math.nan

    return measure


def _yes_no(name: str, meaning: str) -> Metric:
    return Metric(name, "yes/no", 1, meaning, (name,), _mean(name))


def _average(name: str, meaning: str, better: Literal[1, -1] = 1) -> Metric:
    return Metric(name, "mean", better, meaning, (name,), _mean(name))


def _balanced_accuracy(columns: Columns) -> float:
    asked = ~np.isnan(columns["given"])
    return balanced_accuracy(columns["answerable"][asked], columns["given"][asked])


def _auroc(columns: Columns) -> float:
    asked = ~np.isnan(columns["confidence"])
    return auroc(columns["answerable"][asked], columns["confidence"][asked])


def _calibration_error(columns: Columns) -> float:
    asked = ~np.isnan(columns["confidence"])
    answerable = columns["answerable"][asked]
    if len(set(answerable)) < 2:
        return math.nan
    return calibration_error(columns["confidence"][asked], answerable)


def _aurc(columns: Columns) -> float:
    given = (columns["given"] == 1) & ~np.isnan(columns["right"])
    return aurc(columns["confidence"][given], columns["right"][given])


def _percentile(share: float) -> Callable[[Columns], float]:
    def measure(columns: Columns) -> float:
        seconds = columns["seconds"][~np.isnan(columns["seconds"])]
        return float(np.percentile(seconds, share)) if len(seconds) else math.nan

    return measure


_DECISION = ("answerable", "given")
_SURENESS = ("answerable", "confidence")
_SECONDS = ("seconds",)

METRICS: tuple[Metric, ...] = (
    _yes_no("right", "answers that hold the evidence or the answer; refusals of unanswerable questions"),
    _yes_no("hit@1", "answerable questions with evidence in the first passage"),
    _yes_no("hit@5", "the same in five passages"),
    _yes_no("hit@10", "the same in ten passages"),
    _average("recall@5", "share of the evidence in five passages"),
    _average("recall@10", "share of the evidence in ten passages"),
    _average("mrr@10", "1 / the rank of the first passage with evidence"),
    _average("map@10", "average precision of the evidence"),
    _average("ndcg@10", "normalised discounted cumulative gain of the evidence"),
    _yes_no("exact_match", "answerable questions with the answer, word for word (SQuAD)"),
    _average("f1", "overlap of words with the answer (SQuAD)"),
    _yes_no("answer_held", "answerable questions with the answer somewhere in the text"),
    _average("citation_precision", "share of an answer's quotes that are evidence"),
    _average("citation_recall", "share of the evidence that is quoted"),
    _average("citations_exact", "share of an answer's quotes that stand in the article as quoted"),
    _average("statements_cited", "share of an answer's sentences with a citation"),
    _average("statements_supported", "share of an answer's sentences that were found supported"),
    _average("judged_supported", "share of these that the judge found supported by what they cite"),
    _yes_no("answered", "answerable questions that were answered"),
    _yes_no("refused", "unanswerable questions that were not answered"),
    Metric("balanced_accuracy", "whole", 1, "mean of answered and refused", _DECISION, _balanced_accuracy),
    Metric("auroc", "whole", 1, "how well confidence tells answerable questions from others", _SURENESS, _auroc),
    Metric(
        "calibration_error",
        "whole",
        -1,
        "how far confidence is from the share of answerable ones",
        _SURENESS,
        _calibration_error,
    ),
    Metric(
        "aurc",
        "whole",
        -1,
        "area under the risk-coverage curve of the answers given",
        ("given", "confidence", "right"),
        _aurc,
    ),
    _average("quoted_characters", "characters quoted in an answer", -1),
    Metric("seconds_p50", "time", -1, "seconds that half of the questions took at most", _SECONDS, _percentile(50)),
    Metric("seconds_p95", "time", -1, "seconds that 95 % of the questions took at most", _SECONDS, _percentile(95)),
    _average("prompt_tokens", "tokens sent to a language model, a question", -1),
    _average("completion_tokens", "tokens received from it, a question", -1),
    _average("cost", "US dollars, a question", -1),
)
METRICS_BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}
