"""Results and comparisons as tables for a terminal; texts of others are cleaned."""

from collections.abc import Sequence

from assistant.evaluation.comparing import Comparison, Difference
from assistant.evaluation.metrics import METRICS, METRICS_BY_NAME
from assistant.evaluation.results import Result
from assistant.rendering import clean, clean_line

DIFFERENCES_SHOWN = 12


def render_result(result: Result) -> str:
    """Write what was evaluated, and each figure with how many cases it is about."""
    run, values, counts = result.run, result.metrics, result.counts
    rows = [
        (metric.name, _write(value), f"{counts[metric.name]:,}", metric.meaning)
        for metric in METRICS
        if (value := values[metric.name]) is not None
    ]
    head = (
        f"{len(result.cases):,} cases of {run['cases']['name']}, {run['index']['articles']:,} articles, {run['model']}"
    )
    lines = [head, "", *_align([("figure", "", "cases", ""), *rows], right=(1, 2))]
    if unlocated := run["cases"]["unlocated_evidence"]:
        lines += ["", f"{unlocated:,} pieces of evidence stand nowhere word for word and are left out."]
    return _join(lines)


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
    lines += ["", f"{comparison.cases:,} cases", "", *_align([head, *rows], right=(1, 2, 3))]
    if comparison.unpaired:
        lines += ["", f"{comparison.unpaired:,} cases are in one result only and were left out."]
    for outcome in comparison.gates:
        verdict = "passed" if outcome.passed else "FAILED"
        lines.append(
            f"Gate {outcome.gate.metric}>={outcome.gate.change:g} {verdict}: the change for the better is"
            f" {outcome.change:+.4g}."
        )
    return _join(lines)


def _write_row(difference: Difference) -> tuple[str, ...]:
    note = f"about {difference.more_cases:,} more cases would" if difference.more_cases else ""
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
