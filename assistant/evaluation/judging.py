"""Asks a language model whether what an answer cites supports it, and measures how far that judge can be trusted.

A model that judges has biases of its own (Zheng and others, 2023), so that its figures say little by themselves: its
agreement with people is measured beside them, on statements that these labelled. They are JSON Lines, one a line:

    {"statement": "The berth will cost £84m.", "evidence": ["The berth will cost £84m."], "supported": true}
"""

import hashlib
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import EvaluationError
from assistant.evaluation.metrics import cohens_kappa
from assistant.evaluation.results import require_scipy
from assistant.front import open_model
from assistant.models import ChatModel
from assistant.settings import Settings
from assistant.verdicts import Verdict, judge_statement

RESAMPLES = 1_999

_KEYS = {"statement", "evidence", "supported"}


@dataclass(frozen=True, slots=True)
class LabelledStatement:
    """A statement, its evidence, and whether people found that it supports the statement."""

    statement: str
    evidence: tuple[str, ...]
    is_supported: bool


@dataclass(frozen=True, slots=True)
class LabelledSample:
    """Statements that people labelled. `name` is that of their file, `hash` that of what is in it."""

    name: str
    hash: str
    statements: tuple[LabelledStatement, ...]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far a judge agrees with people on `count` statements: the share, and Cohen's kappa, with 95 % intervals.

    `failures` are the statements of which it gave no verdict; they are in neither. Kappa is None where it isn't
    defined: where all labels and verdicts are one, or there are none.
    """

    count: int
    failures: int
    share: float | None
    share_interval: tuple[float, float] | None
    kappa: float | None
    kappa_interval: tuple[float, float] | None

    def to_json(self) -> dict[str, Any]:
        """Turn it into what JSON can hold."""
        return {name: list(it) if isinstance(it, tuple) else it for name, it in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Judge:
    """A language model that judges, and statements that people labelled to judge it by, if there are any."""

    model: ChatModel
    sample: LabelledSample | None = None

    @classmethod
    def open(cls, model: str, settings: Settings, *, sample: str | os.PathLike[str] | None = None) -> "Judge":
        """Open a judge, `provider:name`, with the key and the server of the settings; nothing is sent yet.

        Raises SettingsError for a model that can't be, EvaluationError for a sample that isn't as it should be.
        """
        return cls(open_model(model, settings), None if sample is None else load_sample(sample))

    def describe(self) -> dict[str, Any]:
        """Describe it for a result; asks its server for its name where none was given. Raises ModelError."""
        sample = {"name": self.sample.name, "hash": self.sample.hash} if self.sample else None
        return {"model": self.model.identity, "sample": sample}

    def judge(self, statement: str, evidence: Sequence[str]) -> Verdict:
        """Ask whether evidence supports a statement."""
        return judge_statement(self.model, statement, evidence)

    def close(self) -> None:
        """Close the model's connections."""
        self.model.close()


def load_sample(path: str | os.PathLike[str]) -> LabelledSample:
    """Load labelled statements. Raises EvaluationError with all that is wrong with them, and where scipy is missing."""
    require_scipy("measuring a judge's agreement")
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"{path}: can't be read ({error.strerror or error})") from None
    except UnicodeDecodeError:
        raise EvaluationError(f"{path}: is not UTF-8 text") from None
    statements, mistakes = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                statements.append(_read_statement(json.loads(line)))
            except ValueError as mistake:
                mistakes.append(f"{path}, line {number}: {mistake}")
    if mistakes:
        raise EvaluationError(*mistakes)
    if not statements:
        raise EvaluationError(f"{path}: there is no statement in it")
    return LabelledSample(path.name, hashlib.sha256(text.encode()).hexdigest()[:12], tuple(statements))


def _read_statement(row: Any) -> LabelledStatement:
    if not isinstance(row, dict) or not row.keys() >= _KEYS:
        raise ValueError(f"is no JSON object with {', '.join(sorted(_KEYS))}")
    statement, evidence, is_supported = row["statement"], row["evidence"], row["supported"]
    if not isinstance(evidence, list) or not all(isinstance(it, str) for it in (statement, *evidence)):
        raise ValueError("the statement is no text, or its evidence no list of texts")
    if not isinstance(is_supported, bool):
        raise ValueError("supported is neither true nor false")
    return LabelledStatement(statement, tuple(evidence), is_supported)


def measure_agreement(sample: LabelledSample, judge: Callable[[str, Sequence[str]], Verdict]) -> Agreement:
    """Measure how far a judge agrees with people.

    The share's interval is Wilson's (1927), kappa's (Cohen, 1960) a percentile bootstrap over the statements.
    """
    from scipy.stats import binomtest

    verdicts = [judge(it.statement, it.evidence) for it in sample.statements]
    pairs = [
        (it.is_supported, verdict)
        for it, verdict in zip(sample.statements, verdicts, strict=True)
        if isinstance(verdict, bool)
    ]
    failures = len(verdicts) - len(pairs)
    if not pairs:
        return Agreement(0, failures, None, None, None, None)
    labels, given = np.array(pairs, np.float64).T
    agreed = int((labels == given).sum())
    share = binomtest(agreed, len(pairs)).proportion_ci(method="wilson")
    kappa = cohens_kappa(labels, given)
    interval = None if math.isnan(kappa) else _bound_kappa(labels, given)
    return Agreement(
        count=len(pairs),
        failures=failures,
        share=agreed / len(pairs),
        share_interval=(float(share.low), float(share.high)),
        kappa=None if math.isnan(kappa) else kappa,
        kappa_interval=interval,
    )


def _bound_kappa(labels: Any, given: Any) -> tuple[float, float]:
    draws = np.random.default_rng(0)
    rows = draws.integers(0, len(labels), (RESAMPLES, len(labels)))
    kappas = np.array([cohens_kappa(labels[drawn], given[drawn]) for drawn in rows])
    low, high = np.nanquantile(kappas, [0.025, 0.975])
    return float(low), float(high)
