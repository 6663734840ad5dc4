"""Compares two results of the same cases: how much better or worse, how sure that is, and what would make it surer.

Every figure's change gets a 95 % interval by a paired bootstrap (Efron and Tibshirani, 1993): cases are drawn with
replacement, each with both of its outcomes. It is the percentile interval, widened for small samples as Hesterberg
(2015, section 5.3) has it ("expanded"): for means of few cases the plain one is too narrow, and so is this where only a
handful of them change. BCa corrects for skew, which differences of pairs have little of, and needs a jackknife of every
figure.

Whether the change is more than chance is tested apart, and exactly: McNemar's test where each case has yes or no, else
a permutation test that swaps the outcomes of pairs (Fisher, 1935; Smucker and others, 2007). Its p-values are corrected
for the number of figures looked at (Holm, 1979). Figures in which no case differs can't be told apart by any test, and
aren't looks (Tarone, 1990). Nor are times: what else a machine did while one of the runs was made is in none of its
cases more than in another, so that pairs can't tell it from the run; their changes are shown, and never a verdict.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from assistant.errors import EvaluationError
from assistant.evaluation.metrics import METRICS, METRICS_BY_NAME, Columns, Floats, Metric
from assistant.evaluation.results import Result, make_frame, require_scipy

if TYPE_CHECKING:
    import pandas

LEVEL = 0.05  # of false alarms, over all figures together
POWER = 0.8
PLANNED_POWER = 0.82  # by the approximation: the test is a little weaker, where figures have few steps
RESAMPLES = 1_999
MAX_CASES = 100_000  # that are recommended; more is never
_BATCH = 200  # resamples at once: of 10,000 cases, 16 MB

Verdict = Literal["better", "worse", "can't tell"]

_GATE = re.compile(r"\s*([\w@]+)\s*>=\s*([+-]?(?:\d+\.?\d*|\.\d+))\s*")


@dataclass(frozen=True, slots=True)
class Gate:
    """What a change mustn't fall below: `change` is the least that is let through, as measured on the cases.

    The change counts as `Metric.better` does: a figure of which less is better falls below by rising.
    """

    metric: str
    change: float

    @classmethod
    def parse(cls, text: str) -> "Gate":
        """Read `metric>=-0.01`. Raises EvaluationError where it isn't that."""
        match = _GATE.fullmatch(text)
        if match is None:
            raise EvaluationError(f"gate {text!r} isn't written as right>=-0.01")
        if match[1] not in METRICS_BY_NAME:
            raise EvaluationError(f"gate {text!r}: there is no figure {match[1]!r}, but {', '.join(METRICS_BY_NAME)}")
        return cls(match[1], float(match[2]))


@dataclass(frozen=True, slots=True)
class Difference:
    """How a figure changed from `before` to `after`, over the `cases` that it is about in both.

    `low` and `high` bound the change with 95 % confidence, by itself. `p` is the chance of such a change where there is
    none, corrected for all figures looked at. `more_cases` says how many more cases like these would tell it apart, at
    80 % power, if the true change is the measured one; None where it is told apart, there is none, or too many would.
    """

    metric: str
    before: float
    after: float
    low: float
    high: float
    p: float
    verdict: Verdict
    cases: int
    more_cases: int | None

    @property
    def change(self) -> float:
        """What was added to the figure."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """Whether a gate was passed, and the change that it looked at, counted so that more is better."""

    gate: Gate
    change: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two results of the same cases: the differences of their figures, and how the runs differ.

    `unpaired` counts the cases that only one of them has, and that were left out.
    """

    differences: tuple[Difference, ...]
    run_differences: Mapping[str, tuple[Any, Any]]
    cases: int
    unpaired: int
    gates: tuple[GateOutcome, ...] = field(default=())

    @property
    def has_passed(self) -> bool:
        """Whether all gates were passed."""
        return all(outcome.passed for outcome in self.gates)

    def to_frame(self) -> "pandas.DataFrame":
        """Make a pandas DataFrame, a row for each figure. Raises EvaluationError where pandas isn't installed."""
        return make_frame([{**asdict(each), "change": each.change} for each in self.differences], index="metric")

    def to_json(self) -> dict[str, Any]:
        """Turn it into what JSON can hold."""
        return {
            "cases": self.cases,
            "unpaired": self.unpaired,
            "run_differences": {name: list(values) for name, values in self.run_differences.items()},
            "differences": [{**asdict(each), "change": each.change} for each in self.differences],
            "gates": [asdict(each) for each in self.gates],
        }


class _Test(NamedTuple):
    """What was measured of one figure before it is corrected for the others."""

    metric: Metric
    before: float
    after: float
    low: float
    high: float
    p: float
    cases: int
    deviation: float  # of one case's part in the change, as far as the standard error is that of a mean


def compare(
    before: Result, after: Result, *, metrics: Sequence[str] = (), gates: Sequence[Gate] = (), seed: int = 0
) -> Comparison:
    """Compare two results of the same cases, in all figures that both have, or in those named: fewer looks tell more.

    Raises EvaluationError where the results are of other cases, a figure that was asked for isn't there, or scipy isn't
    installed.
    """
    require_scipy("comparing")
    unknown = [name for name in metrics if name not in METRICS_BY_NAME]
    if unknown:
        raise EvaluationError(f"there is no figure {unknown[0]!r}, but {', '.join(METRICS_BY_NAME)}")
    first, second, unpaired = _pair(before, after)
    count = len(first["answerable"])
    looked_at = [metric for metric in METRICS if not metrics or metric.name in metrics]
    tests = [it for it in (_test(metric, first, second, seed=seed) for metric in looked_at) if it is not None]
    measured = {it.metric.name: it for it in tests}
    for name in (*metrics, *(gate.metric for gate in gates)):
        if name not in measured:
            missing = (
                "isn't among those looked at" if name not in metrics and metrics else "has no case in both results"
            )
            raise EvaluationError(f"the figure {name} {missing}")
    adjusted = correct_for_looks([it.p for it in tests], [_differs(it) for it in tests])
    looks = max(sum(map(_differs, tests)), 1)
    differences = tuple(
        _conclude(it, p, looks=looks, all_cases=count, before=first, after=second)
        for it, p in zip(tests, adjusted, strict=True)
    )
    return Comparison(
        differences=differences,
        run_differences=find_run_differences(before.run, after.run),
        cases=count,
        unpaired=unpaired,
        gates=tuple(_try_gate(gate, measured[gate.metric]) for gate in gates),
    )


def find_run_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Find in what two runs differ, by the names of the parts, such as "settings.threshold"."""
    differences: dict[str, tuple[Any, Any]] = {}
    for name in dict.fromkeys((*before, *after)):
        one, other = before.get(name), after.get(name)
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            found = find_run_differences(one, other)
            differences |= {f"{name}.{inner}": values for inner, values in found.items()}
        elif one != other:
            differences[name] = (one, other)
    return differences


def correct_for_looks(p_values: Sequence[float], are_looks: Sequence[bool]) -> list[float]:
    """Correct p-values so that a false alarm in any is as rare as the level says (Holm, 1979); what is no look is 1."""
    looks = sorted((p, number) for number, (p, is_look) in enumerate(zip(p_values, are_looks, strict=True)) if is_look)
    corrected = [1.0] * len(p_values)
    highest = 0.0
    for place, (p, number) in enumerate(looks):
        highest = max(highest, min(1.0, p * (len(looks) - place)))
        corrected[number] = highest
    return corrected


# Tests and intervals -------------------------------------------------------------------------------------------------


def _test(metric: Metric, first: Columns, second: Columns, *, seed: int) -> _Test | None:
    """Measure one figure's change; None where no case has part in it in both results."""
    # Figures of all cases are measured as they are: a sentence more or less is what they may be about.
    applies = metric.applies(first) & metric.applies(second) if metric.kind in ("yes/no", "mean") else _any(first)
    rows = np.flatnonzero(applies)
    one = {name: first[name][rows] for name in metric.columns}
    other = {name: second[name][rows] for name in metric.columns}
    before, after = metric.measure(one), metric.measure(other)
    if math.isnan(before) or math.isnan(after):
        return None
    if metric.kind in ("whole", "time"):
        low, high, deviation = bootstrap_whole(metric.measure, one, other, seed=seed)
        p = 1.0 if metric.kind == "time" else permute_whole(metric.measure, one, other, seed=seed)
    else:
        changes = other[metric.name] - one[metric.name]
        low, high = bootstrap_mean(changes, seed=seed)
        deviation = float(changes.std(ddof=1)) if len(changes) > 1 else 0.0
        p = mcnemar(changes) if metric.kind == "yes/no" else permute_mean(changes, seed=seed)
    return _Test(metric, before, after, low, high, p, len(rows), deviation)


def _any(columns: Columns) -> Any:
    return np.ones(len(columns["answerable"]), bool)


def mcnemar(changes: Floats) -> float:
    """Test paired yes/no outcomes by their changes, -1, 0 or 1, with McNemar's test (1947) in its exact form."""
    from scipy.stats import binomtest

    gained, lost = int((changes > 0).sum()), int((changes < 0).sum())
    return float(binomtest(gained, gained + lost, 0.5).pvalue) if gained + lost else 1.0


def permute_mean(changes: Floats, *, seed: int, resamples: int = RESAMPLES) -> float:
    """Test whether the mean of paired changes is zero, by swapping pairs: exactly where all swaps can be tried."""
    from scipy.stats import permutation_test

    moved = changes[changes != 0]  # what is zero stays zero, however it is swapped
    if len(moved) < 2:
        return 1.0
    result = permutation_test(
        (moved,),
        lambda x, axis: np.mean(x, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=_BATCH,
        rng=seed,
    )
    return float(result.pvalue)


def bootstrap_mean(changes: Floats, *, seed: int, resamples: int = RESAMPLES) -> tuple[float, float]:
    """Bound the mean of paired changes with 95 % confidence."""
    if len(changes) < 2 or not np.ptp(changes):
        return float(changes.mean()), float(changes.mean())
    from scipy.stats import bootstrap

    interval = bootstrap(
        (changes,),
        np.mean,
        confidence_level=widen_level(len(changes)),
        n_resamples=resamples,
        method="percentile",
        batch=_BATCH,
        rng=seed,
    ).confidence_interval
    return float(interval.low), float(interval.high)


def bootstrap_whole(
    measure: Callable[[Columns], float], before: Columns, after: Columns, *, seed: int, resamples: int = RESAMPLES
) -> tuple[float, float, float]:
    """Bound the change of a figure of all cases with 95 % confidence; third, its standard error, times √cases."""
    if all(np.array_equal(before[name], after[name], equal_nan=True) for name in before):
        return 0.0, 0.0, 0.0
    count = len(next(iter(before.values())))
    draws = np.random.default_rng(seed)
    changes = []
    for _ in range(resamples):
        rows = draws.integers(0, count, count)
        changes.append(
            measure({name: it[rows] for name, it in after.items()})
            - measure({name: it[rows] for name, it in before.items()})
        )
    known = np.array(changes)[~np.isnan(changes)]
    if not len(known):
        return math.nan, math.nan, math.nan
    tail = (1 - widen_level(count)) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high), float(known.std() * math.sqrt(count))


def permute_whole(
    measure: Callable[[Columns], float], before: Columns, after: Columns, *, seed: int, resamples: int = RESAMPLES
) -> float:
    """Test the change of a figure of all cases by swapping the outcomes of pairs at random."""
    names = [name for name in before if not np.array_equal(before[name], after[name], equal_nan=True)]
    observed = abs(measure(after) - measure(before))
    if not names or not observed:
        return 1.0
    draws = np.random.default_rng(seed)
    extreme = 1
    for _ in range(resamples):
        swapped = draws.random(len(before[names[0]])) < 0.5
        one = {**before, **{name: np.where(swapped, after[name], before[name]) for name in names}}
        other = {**after, **{name: np.where(swapped, before[name], after[name]) for name in names}}
        change = abs(measure(other) - measure(one))
        extreme += not change < observed * (1 - 1e-12)  # one that can't be measured doesn't speak against chance
    return extreme / (resamples + 1)


def widen_level(count: int) -> float:
    """Widen the level of a percentile interval of a mean of so many cases until it is right (Hesterberg, 2015)."""
    from scipy.stats import norm, t

    reach = math.sqrt(count / (count - 1)) * t.ppf(1 - LEVEL / 2, count - 1) if count > 1 else math.inf
    return float(1 - 2 * norm.sf(reach))


# How many cases would tell -------------------------------------------------------------------------------------------


def recommend_cases(change: float, deviation: float, *, level: float = LEVEL) -> int | None:
    """Say how many pairs tell such a mean change of such a standard deviation from none, at 80 % power.

    The normal approximation, with half the square of the level's quantile for a deviation that is estimated (Guenther,
    1981). None where it is more than MAX_CASES.
    """
    from scipy.stats import norm

    if not change:
        return None
    tail, head = norm.isf(level / 2), norm.ppf(PLANNED_POWER)
    count = ((tail + head) * deviation / change) ** 2 + tail**2 / 2
    return math.ceil(count) if count <= MAX_CASES else None


def recommend_yes_no_cases(gained: float, lost: float, *, level: float = LEVEL) -> int | None:
    """Say how many pairs tell these shares of cases gained and lost from chance, at 80 % power of the exact test.

    It is searched for from below the normal approximation (Connett and others, 1987), by the exact power over all
    numbers of cases that may change. None where it is more than MAX_CASES.
    """
    from scipy.stats import norm

    share, difference = gained + lost, abs(gained - lost)
    if not difference:
        return None
    spread = math.sqrt(share - difference**2)
    approximate = ((norm.isf(level / 2) * math.sqrt(share) + norm.ppf(POWER) * spread) / difference) ** 2
    cases = max(math.ceil(0.8 * approximate), 1)
    while cases <= MAX_CASES and _expect_power(cases, share, max(gained, lost) / share, level) < POWER:
        cases += max(cases // 50, 1)
    return cases if cases <= MAX_CASES else None


def _expect_power(cases: int, share: float, chance: float, level: float) -> float:
    """Work out the power of McNemar's exact test where a share of the cases change, by chance in one direction."""
    from scipy.stats import binom

    counts = np.arange(int(binom.ppf(1e-6, cases, share)), int(binom.isf(1e-6, cases, share)) + 1)
    most = binom.isf(level / 2, counts, 0.5)  # in one direction, without being significant
    return float(np.sum(binom.pmf(counts, cases, share) * binom.sf(most, counts, chance)))


# What is concluded ---------------------------------------------------------------------------------------------------


def _differs(test: _Test) -> bool:
    return test.metric.kind != "time" and (test.p < 1 or test.low != test.high)


def _conclude(test: _Test, p: float, *, looks: int, all_cases: int, before: Columns, after: Columns) -> Difference:
    change = test.after - test.before
    verdict: Verdict = "can't tell"
    if p <= LEVEL and change:
        verdict = "better" if change * test.metric.better > 0 else "worse"
    more = None
    if verdict == "can't tell" and test.metric.kind != "time":
        level = LEVEL / looks
        if test.metric.kind == "yes/no":
            changes = after[test.metric.name] - before[test.metric.name]
            gained, lost = float((changes > 0).sum() / test.cases), float((changes < 0).sum() / test.cases)
            needed = recommend_yes_no_cases(gained, lost, level=level)
        else:
            needed = recommend_cases(change, test.deviation, level=level)
        if needed is not None:
            # Of which only as many count as this figure is about.
            more = max(math.ceil(needed * all_cases / test.cases) - all_cases, 1)
    return Difference(test.metric.name, test.before, test.after, test.low, test.high, p, verdict, test.cases, more)


def _try_gate(gate: Gate, test: _Test) -> GateOutcome:
    change = (test.after - test.before) * test.metric.better
    return GateOutcome(gate, change, change >= gate.change - 1e-12)


def _pair(before: Result, after: Result) -> tuple[Columns, Columns, int]:
    """Give the columns of the cases that both results have, in one order, and how many were left out."""
    places = {case.id: number for number, case in enumerate(after.cases)}
    pairs = [(number, places[case.id]) for number, case in enumerate(before.cases) if case.id in places]
    if not pairs:
        raise EvaluationError("the results have no case in common; compare results of the same cases")
    for one, other in pairs:
        first, second = before.cases[one], after.cases[other]
        if (first.question, first.unanswerable) != (second.question, second.unanswerable):
            raise EvaluationError(f"case {first.id} isn't the same in both results; evaluate both with the same cases")
    chosen, paired = (list(rows) for rows in zip(*pairs, strict=True))
    columns = {name: column[chosen] for name, column in before.columns.items()}
    others = {name: column[paired] for name, column in after.columns.items()}
    return columns, others, len(before.cases) + len(after.cases) - 2 * len(pairs)
