"""Results and comparisons as tables for a terminal; texts of others are cleaned."""

from collections.abc import Mapping, Sequence
from typing import Any

from assistant.evaluation.comparing import Comparison, Difference
from assistant.evaluation.metrics import METRICS, METRICS_BY_NAME
from assistant.evaluation.results import Result
from assistant.rendering import clean, clean_line, count_noun

DIFFERENCES_SHOWN = 12


def render_result(result: Result) -> str:
    """Write what was evaluated, and each figure with how many cases it is about."""
    run, values, counts = result.run, result.metrics, result.counts
    rows = [
        (metric.name, _write(value), f"{counts[metric.name]:,}", metric.meaning)
        for metric in METRICS
        if (value := values[metric.name]) is not None
    ]
    cases, articles = count_noun(len(result.cases), "case"), count_noun(run["index"]["articles"], "article")
    head = f"{cases} of {run['cases']['name']}, {articles}, {run['model']}"
    lines = [head, "", *_align([("figure", "value", "cases", ""), *rows], right=(1, 2))]
    if unlocated := run["cases"]["unlocated_evidence"]:
        pieces = "piece of evidence stands" if unlocated == 1 else "pieces of evidence stand"
        lines += ["", f"Left out: {unlocated:,} {pieces} nowhere word for word."]
    if judge := run.get("judge"):
        lines += ["", *_describe_judge(judge, [it for case in result.cases for it in case.judgements])]
    return _join(lines)


def _describe_judge(judge: Mapping[str, Any], judgements: Sequence[bool | str]) -> list[str]:
    """Say who judged, what it gave no verdict of, and how far it is to be trusted."""
    failures = [it for it in judgements if isinstance(it, str)]
    lines = [f"Judged by {judge['model']}: {count_noun(len(judgements), 'sentence')}."]
    if failures:
        lines.append(f"No verdict of {len(failures):,} of them; the first time: {clean_line(failures[0])}")
    agreement = judge.get("agreement")
    if agreement is None:
        lines.append("How far it agrees with people isn't known; --judge-sample FILE measures that.")
    elif agreement["share"] is None:
        lines.append(f"It gave no verdict of {judge['sample']['name']}.")
    else:
        count = count_noun(agreement["count"], "statement")
        share = _write_estimate(agreement["share"], agreement["share_interval"])
        lines.append(f"Of {count} of {judge['sample']['name']}, it says what people said of {share}.")
        if agreement["kappa"] is not None:
            kappa = _write_estimate(agreement["kappa"], agreement["kappa_interval"])
            lines.append(f"Beyond chance, Cohen's kappa: {kappa}.")
        if agreement["failures"]:
            lines.append(f"No verdict of {agreement['failures']:,} more.")
    return lines


def _write_estimate(value: float, interval: Sequence[float]) -> str:
    return f"{value:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def render_comparison(comparison: Comparison) -> str:
    """Write how the runs differ, the change of each figure and what it means, and which gates were passed."""
    told = list(comparison.run_differences.items())
    lines = [f"{name}: {_name(before)} → {_name(after)}" for name, (before, after) in told[:DIFFERENCES_SHOWN]]
    if len(told) > DIFFERENCES_SHOWN:
        lines.append(f"and {len(told) - DIFFERENCES_SHOWN} more differences between the runs; --json lists all")
    if not told:
        lines.append("The runs differ in nothing that is recorded.")
    rows = [_write_row(each) for each in comparison.differences]
    head = ("figure", "before", "after", "change", "95 % interval", "", "")
    lines += ["", count_noun(comparison.cases, "case"), "", *_align([head, *rows], right=(1, 2, 3))]
    if comparison.unpaired:
        lines += ["", f"Left out, for they are in one result only: {count_noun(comparison.unpaired, 'case')}."]
    for outcome in comparison.gates:
        verdict = "passed" if outcome.passed else "FAILED"
        lines.append(
            f"Gate {outcome.gate.metric}>={outcome.gate.change:g} {verdict}: the change for the better is"
            f" {outcome.change:+.4g}."
        )
    return _join(lines)


def _write_row(difference: Difference) -> tuple[str, ...]:
    note = f"about {count_noun(difference.more_cases, 'more case')} would" if difference.more_cases else ""
    if not difference.change and difference.low == difference.high:
        note = "no case differs"
    if METRICS_BY_NAME[difference.metric].kind == "time":
        note = "times of one run each don't"
    return (
        difference.metric,
        _write(difference.before),
        _write(difference.after),
        _sign(difference.change),
        f"[{_sign(difference.low)}, {_sign(difference.high)}]",
        difference.verdict,
        note,
    )


def _write(value: float) -> str:
    return f"{value:.3f}" if abs(value) < 100 else f"{value:,.0f}"


def _sign(value: float) -> str:
    return f"{'-' if value < 0 else '+'}{_write(abs(value))}"


def _name(value: object) -> str:
    text = clean_line(str(value))
    return text if len(text) <= 60 else f"{text[:60]}..."


def _align(rows: Sequence[Sequence[str]], *, right: Sequence[int]) -> list[str]:
    """Put cells in columns, those of numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.rjust(width) if number in right else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _join(lines: Sequence[str]) -> str:
    return "".join(f"{clean(line).rstrip()}\n" for line in lines)
