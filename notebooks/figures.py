"""Draws results of `assistant.evaluation` with their intervals, for the notebooks."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import binomtest

from assistant.evaluation import Comparison, Result
from assistant.evaluation.comparing import bootstrap_mean
from assistant.evaluation.judging import Agreement
from assistant.evaluation.metrics import auroc, reliability, risk_coverage


def draw_risk_coverage(result: Result, axes: Axes) -> None:
    """Draw the risk of the answers that were given over the share of them that is, with 95 % intervals (Wilson)."""
    columns = result.columns
    given = (columns["given"] == 1) & ~np.isnan(columns["right"])
    coverage, risk = risk_coverage(columns["confidence"][given], columns["right"][given])
    counts = np.arange(1, len(risk) + 1)
    bounds = [measure_share(round(share * count), int(count)) for share, count in zip(risk, counts, strict=True)]
    axes.plot(coverage, risk)
    axes.fill_between(coverage, *zip(*bounds, strict=True), alpha=0.2)
    axes.set(xlabel="coverage: share of the answers given", ylabel="risk: share of these wrong", ylim=(0, 1))


def draw_reliability(result: Result, axes: Axes) -> None:
    """Draw how many questions are answerable over how sure the answers are, with 95 % intervals (Wilson)."""
    columns = result.columns
    for stated, true, count in reliability(columns["confidence"], columns["answerable"]):
        low, high = measure_share(round(true * count), count)
        axes.errorbar(stated, true, [[true - low], [high - true]], fmt="o", color="C0", markersize=3 + count**0.5)
    axes.plot([0, 1], [0, 1], color="grey", linewidth=0.5)
    axes.set(xlabel="confidence", ylabel="share that the articles answer", xlim=(0, 1), ylim=(0, 1))


def draw_means(result: Result, names: Sequence[str], axes: Axes) -> None:
    """Draw the means of figures, with 95 % intervals by the bootstrap."""
    for place, name in enumerate(names):
        values = result.columns[name][~np.isnan(result.columns[name])]
        low, high = bootstrap_mean(values, seed=0)
        mean = values.mean()
        axes.errorbar(mean, place, xerr=[[max(mean - low, 0)], [max(high - mean, 0)]], fmt="o", color="C0")
    axes.set(yticks=range(len(names)), yticklabels=names, xlabel="mean", xlim=(0, 1.02))
    axes.invert_yaxis()


def draw_changes(comparison: Comparison, axes: Axes) -> None:
    """Draw the changes of figures that are shares, with their 95 % intervals; those that can be told are bold."""
    shown = [it for it in comparison.differences if max(abs(it.before), abs(it.after)) <= 1 and it.low != it.high]
    for place, each in enumerate(shown):
        width = 1 if each.verdict == "can't tell" else 3
        bars = [[max(each.change - each.low, 0)], [max(each.high - each.change, 0)]]
        axes.errorbar(each.change, place, xerr=bars, fmt="o", color="C0", linewidth=width)
    axes.axvline(0, color="grey", linewidth=0.5)
    axes.set(yticks=range(len(shown)), yticklabels=[each.metric for each in shown], xlabel="change")
    axes.invert_yaxis()


def measure_share(count: int, of: int) -> tuple[float, float]:
    """Bound a share with 95 % confidence (Wilson, 1927)."""
    interval = binomtest(count, of).proportion_ci(method="wilson")
    return float(interval.low), float(interval.high)


def measure_separation(result: Result) -> float:
    """Measure how well confidence tells right answers from wrong ones: the area under the ROC curve."""
    columns = result.columns
    given = columns["given"] == 1
    return auroc(columns["right"][given], columns["confidence"][given])


def describe_agreement(agreement: Agreement) -> str:
    """Say how far a judge agrees with people, with 95 % intervals; it gave a verdict of each statement."""
    share, kappa = agreement.share_interval or (0, 1), agreement.kappa_interval or (-1, 1)
    return (
        f"It says what people said of **{agreement.share:.0%}** of {agreement.count} statements"
        f" [{share[0]:.0%}, {share[1]:.0%}]; beyond chance, Cohen's kappa is **{agreement.kappa:.2f}**"
        f" [{kappa[0]:.2f}, {kappa[1]:.2f}]."
    )
