import math
import re
import string
from collections import Counter
from collections.abc import Sequence

import ir_measures
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ir_measures import AP, RR, R, Success, nDCG
from scipy.stats import mannwhitneyu

from assistant.evaluation import metrics
from assistant.evaluation.locating import Piece, Place
from assistant.types import Span


def at(start: int, end: int, article: str = "a") -> Place:
    return Place(article, Span(start, end))


def piece(*places: Place, grade: float = 1.0) -> Piece:
    return Piece(places, grade)


# Rankings


def test_a_piece_is_found_where_the_stretches_so_far_hold_enough_of_it() -> None:
    stretches = [at(0, 50, "b"), at(0, 30), at(25, 55), at(90, 200)]

    assert metrics.rank_pieces(stretches, [piece(at(10, 20))]) == [2]
    assert metrics.rank_pieces(stretches, [piece(at(24, 34))]) == [2]  # 6 of its 10 characters
    assert metrics.rank_pieces(stretches, [piece(at(25, 35))]) == [3]  # 5 of them are not enough
    assert metrics.rank_pieces(stretches, [piece(at(0, 90))]) == [3]  # 30, then 55, of which 5 are the same
    assert metrics.rank_pieces(stretches, [piece(at(0, 100))]) == [4]  # 55, then 65
    assert metrics.rank_pieces(stretches, [piece(at(60, 80)), piece(at(0, 5, "c"))]) == [None, None]
    assert metrics.rank_pieces(stretches, [piece(at(60, 80), at(40, 45, "b"))]) == [1]  # any of its places
    assert metrics.rank_pieces(stretches, [piece(Place("a", None)), piece(Place("c", None))]) == [2, None]
    assert metrics.rank_pieces([], [piece(at(1, 2))]) == [None]


def test_rankings_by_hand() -> None:
    ranks = [2, None, 5]

    assert [metrics.hit(ranks, limit) for limit in (1, 2, 10)] == [0, 1, 1]
    assert [metrics.recall(ranks, limit) for limit in (1, 2, 10)] == pytest.approx([0, 1 / 3, 2 / 3])
    assert metrics.reciprocal_rank(ranks) == 1 / 2
    assert metrics.average_precision(ranks) == pytest.approx((1 / 2 + 2 / 5) / 3)
    ideal = 1 + 1 / math.log2(3) + 1 / math.log2(4)
    assert metrics.ndcg(ranks, [1, 1, 1]) == pytest.approx((1 / math.log2(3) + 1 / math.log2(6)) / ideal)
    assert metrics.ndcg([3, 1], [1, 3]) == pytest.approx((3 + 1 / math.log2(4)) / (3 + 1 / math.log2(3)))
    assert metrics.hit([11], 10) == metrics.reciprocal_rank([11]) == metrics.average_precision([11]) == 0


def test_pieces_in_one_passage_stand_in_turn() -> None:
    assert metrics.average_precision([1, 1, 2]) == 1
    assert metrics.ndcg([1, 1, 2], [1, 1, 1]) == 1
    # The two of rank 2 are the second and third, and what is at 3 comes after them.
    assert metrics.average_precision([2, 2, 3]) == pytest.approx((1 / 2 + 2 / 3 + 3 / 4) / 3)


@given(
    st.lists(st.integers(0, 30), max_size=20, unique=True),
    st.dictionaries(st.integers(0, 30), st.integers(1, 4), min_size=1, max_size=8),
)
def test_rankings_agree_with_trec_eval(ranking: list[int], grades: dict[int, int]) -> None:
    judged = [ir_measures.Qrel("q", str(id), grade) for id, grade in grades.items()]
    scored = [ir_measures.ScoredDoc("q", str(id), -place) for place, id in enumerate(ranking)]
    wanted = [Success @ 1, Success @ 5, R @ 5, R @ 10, RR @ 10, AP @ 10, nDCG @ 10]
    theirs = ir_measures.calc_aggregate(wanted, judged, scored) if scored else dict.fromkeys(wanted, 0.0)

    ranks = metrics.rank_pieces(
        [Place(str(id), None) for id in ranking], [piece(Place(str(id), None)) for id in grades]
    )
    ours = [
        metrics.hit(ranks, 1),
        metrics.hit(ranks, 5),
        metrics.recall(ranks, 5),
        metrics.recall(ranks, 10),
        metrics.reciprocal_rank(ranks),
        metrics.average_precision(ranks),
        metrics.ndcg(ranks, list(grades.values())),
    ]

    assert ours == pytest.approx([theirs[measure] for measure in wanted])


@given(st.lists(st.none() | st.integers(1, 12), min_size=1, max_size=6))
def test_rankings_are_between_0_and_1(ranks: list[int | None]) -> None:
    assert 0 <= metrics.average_precision(ranks) <= 1 + 1e-9
    assert 0 <= metrics.ndcg(ranks, [1.0] * len(ranks)) <= 1 + 1e-9


# Answers


def squad_scores(answer: str, wordings: Sequence[str]) -> tuple[float, float]:
    """Exact match and F1 as the definition has them: normalised words, compared as bags, the best wording counts."""

    def words(text: str) -> list[str]:
        plain = re.sub(f"[{re.escape(string.punctuation)}]", "", text.lower())
        return [word for word in re.sub(r"\b(?:a|an|the)\b", " ", plain).split() if word]

    best = 0.0
    for wording in wordings:
        mine, theirs = words(answer), words(wording)
        common = sum(min(count, theirs.count(word)) for word, count in Counter(mine).items())
        if not mine or not theirs:
            f1 = float(mine == theirs)
        elif common:
            precision, recall = common / len(mine), common / len(theirs)
            f1 = 2 * precision * recall / (precision + recall)
        else:
            f1 = 0.0
        best = max(best, f1)
    return float(any(words(answer) == words(wording) for wording in wordings)), best


def test_answers_by_hand() -> None:
    assert metrics.exact_match("The Normans!", ["normans", "the French"]) == 1
    assert metrics.exact_match("Normans in France", ["normans"]) == 0
    assert metrics.token_f1("Normans in France", ["the Normans"]) == pytest.approx(2 * (1 / 3) / (1 / 3 + 1))
    assert metrics.token_f1("the", ["a"]) == 1  # neither has a word left
    assert metrics.token_f1("", ["France"]) == 0
    assert metrics.holds_answer("It was built by the Normans, in 1066.", ["1066", "never"]) == 1
    assert metrics.holds_answer("It was built in 10660.", ["1066"]) == 0


_WORDS = st.lists(st.sampled_from(["the", "A", "fox,", "fox", "U.S.", "£84m", "an", "Theatre", "-"]), max_size=6)


@given(_WORDS.map(" ".join), st.lists(_WORDS.map(" ".join), min_size=1, max_size=3))
def test_answers_agree_with_the_rules_of_squad(answer: str, wordings: list[str]) -> None:
    ours = (metrics.exact_match(answer, wordings), metrics.token_f1(answer, wordings))

    assert ours == pytest.approx(squad_scores(answer, wordings))


# Citations


def test_citations_by_hand() -> None:
    pieces = [piece(at(10, 20)), piece(at(100, 200)), piece(at(0, 10, "b"))]
    quotes = [at(0, 30), at(100, 130), at(150, 185), at(300, 310), at(0, 10, "c")]

    # The first holds a piece, the next two lie in one, and hold 65 of its 100 characters together.
    assert metrics.citation_precision(quotes, pieces) == 3 / 5
    assert metrics.citation_recall(quotes, pieces) == pytest.approx(2 / 3)
    assert metrics.citation_precision([at(194, 294)], pieces) == 0  # 6 of 100 characters
    assert metrics.citation_precision([at(5, 9)], [piece(Place("a", None))]) == 1
    assert metrics.citation_recall([], pieces) == 0


# Abstention

_SCORES = st.lists(st.tuples(st.booleans(), st.integers(0, 10).map(lambda it: it / 10)), min_size=2, max_size=40)


def split(rows: list[tuple[bool, float]]) -> tuple[list[float], list[float]]:
    return [float(truth) for truth, _ in rows], [score for _, score in rows]


def test_balanced_accuracy_by_hand() -> None:
    assert metrics.balanced_accuracy([1, 1, 1, 1, 0, 0], [1, 1, 1, 0, 0, 1]) == (3 / 4 + 1 / 2) / 2
    assert math.isnan(metrics.balanced_accuracy([1, 1], [1, 0]))
    assert math.isnan(metrics.balanced_accuracy([0], [0]))


@given(_SCORES.filter(lambda rows: len({truth for truth, _ in rows}) == 2))
def test_auroc_agrees_with_mann_and_whitney(rows: list[tuple[bool, float]]) -> None:
    truths, scores = split(rows)
    positive, negative = ([score for truth, score in rows if truth is kind] for kind in (True, False))

    theirs = mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative))

    assert metrics.auroc(truths, scores) == pytest.approx(theirs)


def test_auroc_of_one_kind_is_unknown() -> None:
    assert math.isnan(metrics.auroc([1, 1], [0.2, 0.3]))


def test_the_risk_coverage_curve_by_hand() -> None:
    coverage, risk = metrics.risk_coverage([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 1])

    assert coverage.tolist() == [0.25, 0.5, 0.75, 1]
    assert risk.tolist() == pytest.approx([0, 1 / 2, 1 / 3, 1 / 4])
    assert metrics.aurc([0.9, 0.8, 0.7, 0.6], [1, 0, 1, 1]) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 4) / 4)
    # Two that are equally sure are given together, in whatever order they stand.
    assert metrics.risk_coverage([0.5, 0.9, 0.5], [0, 1, 1])[1].tolist() == pytest.approx([0, 1 / 3, 1 / 3])


@given(_SCORES)
def test_the_risk_coverage_curve_agrees_with_its_definition(rows: list[tuple[bool, float]]) -> None:
    right, scores = split(rows)

    risks = []
    for _, score in sorted(rows, key=lambda row: -row[1]):
        given_answers = [truth for truth, other in rows if other >= score]
        risks.append(given_answers.count(False) / len(given_answers))

    assert metrics.risk_coverage(scores, right)[1].tolist() == pytest.approx(risks)
    assert metrics.aurc(scores, right) == pytest.approx(sum(risks) / len(risks))


def test_calibration_by_hand() -> None:
    # In the bin from .9: two of mean .95, one true; in that from .1: two of mean .15, one true.
    confidence, truth = [0.92, 0.98, 0.1, 0.2 - 1e-9], [1, 0, 0, 1]

    assert metrics.calibration_error(confidence, truth) == pytest.approx((2 * 0.45 + 2 * 0.35) / 4)
    assert metrics.calibration_error([1.0, 1.0, 0.0], [1, 1, 0]) == 0
    assert metrics.reliability([0.92, 0.98], [1, 0]) == [(pytest.approx(0.95), 0.5, 2)]


@given(_SCORES)
def test_calibration_agrees_with_its_definition(rows: list[tuple[bool, float]]) -> None:
    truths, scores = split(rows)

    error = 0.0
    for number in range(10):
        low, high = number / 10, (number + 1) / 10 if number < 9 else 2
        held = [(truth, score) for truth, score in rows if low <= score < high]
        if held:
            stated = sum(score for _, score in held) / len(held)
            error += len(held) / len(rows) * abs(stated - sum(truth for truth, _ in held) / len(held))

    assert metrics.calibration_error(scores, truths) == pytest.approx(error)


# Judges


def test_kappa_by_hand() -> None:
    # Of 50, both say yes of 20 and no of 15, one alone of 5 and the other of 10: .7 agree, and by chance .5.
    labels, verdicts = [1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15

    assert metrics.cohens_kappa(labels, verdicts) == pytest.approx(0.4)
    assert metrics.cohens_kappa([1, 0], [0, 1]) == -1
    assert math.isnan(metrics.cohens_kappa([1, 1], [1, 1]))


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_kappa_agrees_with_its_definition(rows: list[tuple[bool, bool]]) -> None:
    table = Counter(rows)
    count = len(rows)
    observed = sum(table[kind, kind] for kind in (True, False)) / count
    expected = (
        sum(
            (table[kind, True] + table[kind, False]) * (table[True, kind] + table[False, kind])
            for kind in (True, False)
        )
        / count**2
    )

    kappa = metrics.cohens_kappa([float(one) for one, _ in rows], [float(other) for _, other in rows])

    assert math.isnan(kappa) if expected == 1 else kappa == pytest.approx((observed - expected) / (1 - expected))


# All that a result has


def test_every_figure_says_what_it_is_and_what_it_is_made_of() -> None:
    names = [metric.name for metric in metrics.METRICS]
    assert len(set(names)) == len(names)

    columns = {name: np.array([1.0, 0.0, math.nan]) for metric in metrics.METRICS for name in metric.columns}
    columns["answerable"] = np.array([1.0, 0.0, 0.0])
    for metric in metrics.METRICS:
        assert metric.meaning
        assert metric.applies(columns).tolist() == [True, True, False]
        assert not math.isnan(metric.measure(columns))
        empty = {name: np.full(3, math.nan) for name in columns}
        assert math.isnan(metric.measure(empty | {"answerable": columns["answerable"]}))


def test_figures_of_all_cases_by_hand() -> None:
    columns = {
        "answerable": np.array([1.0, 1, 0, 0]),
        "given": np.array([1.0, 0, 1, 0]),
        "confidence": np.array([0.9, 0.4, 0.6, 0.1]),
        "right": np.array([1.0, 0, 0, 1]),
        "seconds": np.array([1.0, 2, 3, 4]),
    }
    measured = {metric.name: metric.measure(columns) for metric in metrics.METRICS if metric.kind in ("whole", "time")}

    assert measured == pytest.approx(
        {
            "balanced_accuracy": 0.5,
            "auroc": 0.75,
            "calibration_error": (0.1 + 0.6 + 0.6 + 0.1) / 4,
            "aurc": (0 + 1 / 2) / 2,  # the two that were given: one right and surer, one wrong
            "seconds_p50": 2.5,
            "seconds_p95": 3.85,
        }
    )
