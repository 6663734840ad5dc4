"""Evaluation on one's own cases or public ones: measures an assistant, and says whether another one is better.

from assistant import Assistant
from assistant.evaluation import compare, evaluate, load_cases

cases = load_cases("cases.jsonl")
with Assistant.open("index") as assistant, Assistant.open("index", threshold=0.7) as stricter:
    comparison = compare(evaluate(cases, assistant), evaluate(cases, stricter))
print(comparison.to_frame())
"""

from assistant.evaluation.cases import Case, CaseSet, Evidence, Mention, load_cases
from assistant.evaluation.comparing import Comparison, Difference, Gate, compare
from assistant.evaluation.judging import Judge
from assistant.evaluation.metrics import METRICS, Metric
from assistant.evaluation.results import CaseResult, Result, Stretch, load_result, write_result
from assistant.evaluation.running import evaluate

__all__ = [
    "METRICS",
    "Case",
    "CaseResult",
    "CaseSet",
    "Comparison",
    "Difference",
    "Evidence",
    "Gate",
    "Judge",
    "Mention",
    "Metric",
    "Result",
    "Stretch",
    "compare",
    "evaluate",
    "load_cases",
    "load_result",
    "write_result",
]
