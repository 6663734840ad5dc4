import math
import sys
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_rel

from assistant.errors import EvaluationError
from assistant.evaluation import CaseResult, Comparison, Difference, Gate, Result, compare
from assistant.evaluation.comparing import (
    LEVEL,
    bootstrap_mean,
    bootstrap_whole,
    correct_for_looks,
    find_run_differences,
    mcnemar,
    permute_mean,
    permute_whole,
    recommend_cases,
    recommend_yes_no_cases,
)
from assistant.evaluation.metrics import METRICS_BY_NAME
from assistant.evaluation.tables import render_comparison


def make_result(figures: list[dict[str, float | None]], *, run: dict[str, Any] | None = None, **case: Any) -> Result:
    """Make a result of one case for each of the figures."""
    cases = [
        CaseResult(
            **{
                "id": str(number),
                "question": f"Question {number}?",
                "unanswerable": False,
                "answer": "",
                "abstained": False,
                "confidence": 0.9,
                "citations": (),
                "retrieved": (),
                "figures": each,
                "seconds": 1.0,
                **case,
            }
        )
        for number, each in enumerate(figures)
    ]
    return Result(run or {"model": "quotes"}, tuple(cases))


def find(comparison: Comparison, name: str) -> Difference:
    return next(each for each in comparison.differences if each.metric == name)


# Verdicts


def test_a_clear_gain_is_better_and_a_clear_loss_is_worse() -> None:
    before = make_result([{"right": number % 2, "quoted_characters": 100.0 + number} for number in range(60)])
    after = make_result([{"right": 1.0, "quoted_characters": 150.0 + 2 * number} for number in range(60)])

    comparison = compare(before, after)
    right, quoted = find(comparison, "right"), find(comparison, "quoted_characters")

    assert (right.before, right.after, right.change, right.verdict) == (0.5, 1.0, 0.5, "better")
    assert right.low < 0.5 < right.high
    assert right.more_cases is None
    assert (quoted.verdict, comparison.cases) == ("worse", 60)  # of what less is better
    assert find(compare(after, before), "right").verdict == "worse"


def test_a_change_that_chance_makes_too_cannot_be_told_and_says_how_many_cases_would() -> None:
    before = make_result([{"right": float(number % 10 != 0)} for number in range(40)])
    after = make_result([{"right": float(number % 20 != 0)} for number in range(40)])

    right = find(compare(before, after, metrics=["right"]), "right")

    assert right.verdict == "can't tell"
    assert right.p == pytest.approx(0.5)
    assert right.more_cases is not None
    assert right.more_cases > 40


def test_results_that_are_the_same_have_no_looks_and_no_advice() -> None:
    result = make_result([{"right": float(number % 2), "f1": number / 10} for number in range(10)])

    for each in compare(result, result).differences:
        assert (each.change, each.low, each.high, each.p, each.verdict, each.more_cases) == (
            0,
            0,
            0,
            1,
            "can't tell",
            None,
        )


def test_each_further_figure_makes_it_harder_to_tell() -> None:
    figures = [{"answered": float(number >= 7), "hit@1": float(number != 30)} for number in range(40)]
    before, after = make_result(figures), make_result([{"answered": 1.0, "hit@1": 1.0} for _ in figures])

    alone, beside = compare(before, after, metrics=["answered"]), compare(before, after)

    assert find(alone, "answered").p == pytest.approx(2 / 2**7)
    assert find(beside, "answered").p == pytest.approx(2 * 2 / 2**7)
    assert [each.metric for each in alone.differences] == ["answered"]


def test_a_figure_counts_the_cases_that_both_results_have_it_for() -> None:
    before = make_result([{"f1": 0.5}, {"f1": None}, {"f1": 0.25}])
    after = make_result([{"f1": 0.5}, {"f1": 1.0}, {"f1": 0.75}])

    f1 = find(compare(before, after), "f1")

    assert (f1.cases, f1.before, f1.after) == (2, 0.375, 0.625)


def test_times_get_no_verdict() -> None:
    before, after = make_result([{}] * 30, seconds=1.0), make_result([{}] * 30, seconds=9.0)

    seconds = find(compare(before, after), "seconds_p50")

    assert (seconds.change, seconds.verdict, seconds.more_cases) == (8, "can't tell", None)


def test_confidence_is_compared_over_all_cases() -> None:
    kinds = [number % 2 == 0 for number in range(60)]
    draws = np.random.default_rng(1)
    results = []
    for noise in (1.0, 0.1):
        whole = make_result([{}] * 60)
        cases = [
            replace(case, unanswerable=kind, confidence=float(np.clip((not kind) + noise * draws.normal(), 0, 1)))
            for case, kind in zip(whole.cases, kinds, strict=True)
        ]
        results.append(replace(whole, cases=tuple(cases)))

    auroc = find(compare(*results), "auroc")

    assert auroc.verdict == "better"
    assert 0 < auroc.low < auroc.change < auroc.high


# What can't be compared


def test_results_of_other_cases_are_refused() -> None:
    result = make_result([{"right": 1.0, "answered": 1.0}])

    with pytest.raises(EvaluationError, match="no case in common"):
        compare(result, make_result([{"right": 1.0}], id="other"))
    with pytest.raises(EvaluationError, match="case 0 isn't the same in both"):
        compare(result, make_result([{"right": 1.0}], question="Another?"))
    with pytest.raises(EvaluationError, match="there is no figure 'rihgt'"):
        compare(result, result, metrics=["rihgt"])
    with pytest.raises(EvaluationError, match="figure f1 has no case in both"):
        compare(result, result, metrics=["f1"])
    with pytest.raises(EvaluationError, match="figure right isn't among those looked at"):
        compare(result, result, metrics=["answered"], gates=[Gate("right", 0)])


def test_cases_of_one_result_alone_are_left_out_and_counted() -> None:
    one, other = make_result([{"right": 1.0}] * 5), make_result([{"right": 1.0}] * 3)

    comparison = compare(one, other)

    assert (comparison.cases, comparison.unpaired) == (3, 2)
    assert "they are in one result only: 2 cases." in render_comparison(comparison)


def test_without_scipy_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)

    with pytest.raises(EvaluationError, match=r"pip install 'news-assistant\[eval\]'"):
        compare(make_result([{}]), make_result([{}]))


def test_without_pandas_a_frame_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    result = make_result([{"right": 1.0}, {"right": 0.0}])
    assert compare(result, result).to_frame().loc["right", "before"] == 0.5
    assert result.to_frame().loc["1", "right"] == 0

    monkeypatch.setitem(sys.modules, "pandas", None)
    for each in (result, compare(result, result)):
        with pytest.raises(EvaluationError, match="pip install pandas"):
            each.to_frame()


# Gates


@pytest.mark.parametrize(
    ("text", "change", "passed"),
    [("right>=-0.01", -0.2, False), ("right>=-0.2", -0.2, True), ("quoted_characters >= 0", -50, False)],
)
def test_a_gate_looks_at_the_change_for_the_better(text: str, change: float, passed: bool) -> None:
    before = make_result([{"right": 1.0, "quoted_characters": 100.0}] * 10)
    after = make_result([{"right": float(number > 1), "quoted_characters": 150.0} for number in range(10)])

    comparison = compare(before, after, gates=[Gate.parse(text)])

    (outcome,) = comparison.gates
    assert (outcome.change, outcome.passed) == (pytest.approx(change), passed)
    assert comparison.has_passed is passed
    assert ("passed" if passed else "FAILED") in render_comparison(comparison)


@pytest.mark.parametrize("text", ["right", "right>-0.1", "right>=", "right>=x", "rihgt>=0", ">=0"])
def test_a_gate_that_says_nothing_is_refused(text: str) -> None:
    with pytest.raises(EvaluationError, match="gate"):
        Gate.parse(text)


def test_what_the_runs_differ_in_is_told_by_name() -> None:
    one = {"model": "quotes", "settings": {"threshold": 0.5, "window": None}, "commit": "a"}
    other = {"model": "quotes", "settings": {"threshold": 0.7, "window": None}}

    assert find_run_differences(one, other) == {"settings.threshold": (0.5, 0.7), "commit": ("a", None)}
    text = render_comparison(compare(make_result([{}], run=one), make_result([{}], run=other)))
    assert "settings.threshold: 0.5 → 0.7\n" in text
    assert "differ in nothing" in render_comparison(compare(make_result([{}]), make_result([{}])))


# Statistics


def test_mcnemar_is_the_exact_test_of_the_cases_that_changed() -> None:
    changes = np.array([1.0] * 9 + [-1.0] * 2 + [0.0] * 50)

    assert mcnemar(changes) == pytest.approx(2 * sum(math.comb(11, k) for k in (0, 1, 2)) / 2**11)
    assert mcnemar(np.zeros(4)) == 1


def test_holm_by_hand() -> None:
    # .01 × 4, .02 × 3, .03 × 2 which is no less than the one before, and .6.
    assert correct_for_looks([0.6, 0.01, 0.03, 0.02], [True] * 4) == pytest.approx([0.6, 0.04, 0.06, 0.06])
    assert correct_for_looks([0.01, 1.0, 0.04], [True, False, True]) == pytest.approx([0.02, 1.0, 0.04])
    assert correct_for_looks([], []) == []


def test_few_pairs_are_swapped_in_all_ways() -> None:
    assert permute_mean(np.array([3.0, 1.0, 2.0, 0.0]), seed=0) == 2 / 2**3
    assert permute_mean(np.zeros(3), seed=0) == 1


def test_permutations_agree_with_the_t_test_where_that_is_right() -> None:
    changes = np.random.default_rng(0).normal(0.15, 1, 200)

    assert permute_mean(changes, seed=0) == pytest.approx(ttest_rel(changes, np.zeros(200)).pvalue, abs=0.01)


def test_figures_of_all_cases_agree_with_means_where_they_are_means() -> None:
    draws = np.random.default_rng(3)
    before, after = {"x": draws.normal(0, 1, 80)}, {"x": draws.normal(0.2, 1, 80)}
    changes = after["x"] - before["x"]

    def mean(columns: Any) -> float:
        return float(columns["x"].mean())

    low, high, deviation = bootstrap_whole(mean, before, after, seed=0)
    assert (low, high) == pytest.approx(bootstrap_mean(changes, seed=0), abs=0.03)
    assert deviation == pytest.approx(changes.std(), rel=0.05)
    assert permute_whole(mean, before, after, seed=0) == pytest.approx(permute_mean(changes, seed=0), abs=0.03)


def draw_changes(draws: np.random.Generator, count: int, *, effect: float = 0.0) -> np.ndarray:
    """Draw the changes of shares in quarters, such as recall, for most cases none."""
    return draws.choice([0, 0.25, 0.5, 1], count, p=[0.7, 0.1, 0.1, 0.1]) * np.where(
        draws.random(count) < 0.5 + effect, 1, -1
    )


@pytest.mark.parametrize("count", [20, 60])
def test_false_alarms_are_as_rare_as_they_should_be(count: int) -> None:
    draws = np.random.default_rng(count)
    trials = 600
    alarms = outside = yes_no = 0

    for _ in range(trials):
        changes = draw_changes(draws, count)
        alarms += permute_mean(changes, seed=0, resamples=399) <= LEVEL
        low, high = bootstrap_mean(changes, seed=0, resamples=399)
        outside += not low <= 0 <= high
        yes_no += mcnemar(np.sign(changes)) <= LEVEL

    assert alarms / trials <= 0.06
    assert outside / trials <= (0.06 if count > 20 else 0.09)  # of the six of 20 cases that change, no interval is sure
    assert yes_no / trials <= 0.06


@pytest.mark.parametrize("effect", [0.1, 0.15, 0.3])
def test_the_recommended_number_of_cases_tells_a_true_difference(effect: float) -> None:
    draws = np.random.default_rng(5)
    trials = 300
    many = draw_changes(draws, 200_000, effect=effect)
    count = recommend_cases(float(many.mean()), float(many.std()))
    assert count is not None

    told = [
        permute_mean(draw_changes(draws, count, effect=effect), seed=0, resamples=499) <= LEVEL for _ in range(trials)
    ]

    assert 0.8 - 0.045 <= sum(told) / trials <= 0.88  # two standard errors of so many trials, and few cases more


@pytest.mark.parametrize(("gained", "lost"), [(0.10, 0.05), (0.03, 0.0), (0.3, 0.2)])
def test_the_recommended_number_of_yes_no_cases_tells_a_true_difference(gained: float, lost: float) -> None:
    draws = np.random.default_rng(7)
    trials = 3_000
    count = recommend_yes_no_cases(gained, lost)
    assert count is not None

    counts = draws.multinomial(count, [gained, lost, 1 - gained - lost], size=trials)
    is_told = cache(lambda more, less: more + less > 0 and binomtest(more, more + less).pvalue <= LEVEL)
    told = [is_told(more, less) for more, less, _ in counts.tolist()]

    assert 0.79 <= sum(told) / trials <= 0.87


def test_no_number_of_cases_tells_what_is_no_difference_or_next_to_none() -> None:
    assert recommend_cases(0.0, 1.0) is None
    assert recommend_cases(1e-6, 1.0) is None
    assert recommend_yes_no_cases(0.1, 0.1) is None
    assert recommend_yes_no_cases(0.1, 0.0999) is None
    more, fewer = recommend_cases(0.1, 1.0), recommend_cases(0.2, 1.0)
    assert more is not None
    assert fewer is not None
    assert 3 < more / fewer < 4


def test_the_directions_of_all_figures_are_known() -> None:
    assert {name for name, metric in METRICS_BY_NAME.items() if metric.better < 0} == {
        "calibration_error",
        "aurc",
        "quoted_characters",
        "seconds_p50",
        "seconds_p95",
        "prompt_tokens",
        "completion_tokens",
        "cost",
    }
