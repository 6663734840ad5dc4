"""Asks a language model whether what an answer cites supports it, and measures how far that judge can be trusted.

A model that judges has biases of its own (Zheng and others, 2023), so that its figures say little by themselves: its
agreement with people is measured beside them, on statements that these labelled. They are JSON Lines, one a line:

    {"statement": "The berth will cost £84m.", "evidence": ["The berth will cost £84m."], "supported": true}
"""

import hashlib
import json
import math
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from assistant.errors import EvaluationError, ModelError
from assistant.evaluation.metrics import cohens_kappa
from assistant.evaluation.results import require_scipy
from assistant.evidence import describe_source, neutralise
from assistant.front import open_model
from assistant.models import ChatModel, Message, read_reply
from assistant.prompts import load_prompt
from assistant.settings import Settings
from assistant.types import Citation

MAX_TOKENS = 1_000  # of a verdict, which for some models includes what they think
MAX_REPLY_CHARACTERS = 8_000
MAX_EVIDENCE_CHARACTERS = 8_000
RESAMPLES = 1_999

_KEYS = {"statement", "evidence", "supported"}

Verdict = bool | str  # whether evidence supports a statement, or why that isn't known
TextOf = Callable[[str], str]


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


def show_evidence(citations: Sequence[Citation], text_of: TextOf) -> list[str]:
    """Write what a statement cites as readers see it: outlet and day, what has to be read before it, and the quote."""
    shown = []
    for it in citations:
        source = describe_source(it.article)
        text = text_of(it.article.id)[it.context_start : it.end]
        shown.append(f"{source}: {text}" if source else text)
    return shown


def judge_statement(model: ChatModel, statement: str, evidence: Sequence[str]) -> Verdict:
    """Ask a model whether evidence supports a statement; without evidence nothing does, and it isn't asked."""
    if not evidence:
        return False
    lines = [neutralise(text) for text in evidence]
    if sum(map(len, lines)) > MAX_EVIDENCE_CHARACTERS:
        return f"the evidence has more than {MAX_EVIDENCE_CHARACTERS:,} characters"
    asked = load_prompt("judge_statement").render(
        fence=f"===== {secrets.token_hex(8)} =====", evidence="\n".join(lines), statement=neutralise(statement)
    )
    messages = (Message("system", load_prompt("judge_system").render()), Message("user", asked))
    try:
        reply = read_reply(model, messages, max_tokens=MAX_TOKENS, max_characters=MAX_REPLY_CHARACTERS)
    except ModelError as error:
        return str(error)
    return read_verdict(reply)


def read_verdict(reply: str) -> Verdict:
    """Read the one word that was asked for, whatever marks are around it or explanations behind."""
    words = "".join(character if character.isalpha() else " " for character in reply.lower()).split()
    if words[:1] in (["yes"], ["no"]):
        return words[0] == "yes"
    return "it said neither yes nor no"


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
