"""Learns assistant/quoting_weights.json from open question-answering sets; says how well it does on articles held out.

    uv run python notebooks/learn_quoting.py SETS [--write]

SETS is a folder with squad2_dev16, xquad_en and multihop_rag, each a documents.jsonl and a questions.jsonl, gzipped or
not: doc_id, title, text, date, source; question, doc_ids, answer_spans, unanswerable, removed_doc_id. The sentence
ranker is learned from the answerable questions of the first two. The confidence is learned from all three, and from
each article of the first two asked alone, asked about another article, and left out: small libraries, absent answers.
"""

import argparse
import gzip
import json
import math
import random
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from assistant.embedding import MiniLMEmbedder
from assistant.ingest import add_sources
from assistant.library import Library
from assistant.quoting import (
    EVIDENCE_FEATURES,
    MAX_PASSAGES,
    SENTENCE_FEATURES,
    WEIGHTS_FILE,
    Measured,
    QuestionReading,
    choose_sentences,
    measure_evidence,
    measure_sentences,
    read_question,
)
from assistant.retrieval import retrieve
from assistant.settings import Settings
from assistant.snapshot import StoredPassage
from assistant.types import Article

Floats = npt.NDArray[np.float64]
FOLDS = 5
RIDGE = 5.0  # added to the curvature of every standardised weight
# How much a question of each group counts. Adversarial questions are certain for their passage only.
GROUP_WEIGHTS = {
    "squad2_dev16": 0.5,
    "squad2_dev16 adversarial": 0.15,
    "squad2_dev16 alone": 0.4,
    "squad2_dev16 alone adversarial": 0.12,
    "squad2_dev16 removed": 1.0,
    "squad2_dev16 other": 1.0,
    "xquad_en": 2.0,
    "xquad_en null": 2.0,
    "xquad_en alone": 1.0,
    "xquad_en removed": 1.0,
    "xquad_en other": 1.0,
    "multihop_rag": 2.0,
    "multihop_rag null": 2.0,
}
# People mostly ask what the articles answer: the share of answerable questions for which confidences are calibrated.
PRIOR = 0.8


@dataclass(slots=True)
class Case:
    """One question asked of one library: what was measured, and which sentences hold the answer."""

    group: str
    fold_key: str
    is_answerable: bool
    question: QuestionReading
    passages: Sequence[StoredPassage]
    measured: Measured
    holds: npt.NDArray[np.bool_]
    lengths: list[int]
    scores: Floats | None = None
    evidence: Floats | None = None


class Shelf:
    """One set of articles, embedded once, of which any part can be put into a library of its own."""

    def __init__(self, documents: Sequence[dict[str, Any]], embedder: MiniLMEmbedder, folder: Path) -> None:
        self.articles = {row["doc_id"]: to_article(row) for row in documents}
        self.embedder = embedder
        self.folder = folder
        library = self._open("whole")
        add_sources(list(self.articles.values()), library=library, embedder=embedder)
        with library.snapshot() as snapshot:
            self.embedded = {article.id: passages for article, passages in snapshot.packed_articles()}
        self.libraries = {frozenset(self.articles): library}

    def ask(self, row: dict[str, Any], group: str, *, articles: Iterable[str] | None = None) -> Case:
        """Measure a question against a library of some of the articles, or of all."""
        asked = frozenset(self.articles if articles is None else articles)
        if asked not in self.libraries:
            library = self.libraries[asked] = self._open(str(len(self.libraries)))
            with library.writing():
                library.add([(self.articles[id], self.embedded[id]) for id in sorted(asked)])
        with self.libraries[asked].snapshot() as snapshot:
            retrieval = retrieve(row["question"], library=snapshot, embedder=self.embedder, limit=MAX_PASSAGES)
            question = read_question(
                row["question"], frequencies=retrieval.frequencies, passage_count=snapshot.passage_count
            )
        passages = retrieval.candidates[:MAX_PASSAGES]
        measured = measure_sentences(question, retrieval.question_vector, passages)
        found = [(passages[p].article.id, passages[p].passage.sentences[s]) for p, s in measured.places]
        gold = row["doc_ids"][0] if row["doc_ids"] else None
        holds = [
            article == gold and any(span.start <= it["start"] and it["end"] <= span.end for it in row["answer_spans"])
            for article, span in found
        ]
        return Case(
            group=group,
            fold_key=row["doc_ids"][0] if len(row["doc_ids"]) == 1 else row.get("removed_doc_id") or row["qid"],
            is_answerable=not row["unanswerable"],
            question=question,
            passages=passages,
            measured=measured,
            holds=np.array(holds, bool),
            lengths=[span.end - span.start for _, span in found],
        )

    def _open(self, name: str) -> Library:
        return Library(self.folder / name, embedding_model=self.embedder.identity)


def to_article(row: dict[str, Any]) -> Article:
    """Make an article of a row of documents.jsonl."""
    published = datetime.fromisoformat(row["date"].replace("Z", "+00:00")) if row.get("date") else None
    if published and published.tzinfo is None:
        published = published.replace(tzinfo=UTC)
    title = row.get("title") or row["doc_id"]
    return Article(row["doc_id"], title, row["text"], row.get("source"), row.get("author"), published, row.get("url"))


def read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    """Read the rows of a file of a set, gzipped or not."""
    packed = folder / f"{name}.jsonl.gz"
    text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else (folder / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def gather_cases(sets: Path, embedder: MiniLMEmbedder, folder: Path) -> list[Case]:
    """Ask every question of the sets, of whole and of part libraries, which are made in a folder."""
    cases: list[Case] = []
    chance = random.Random(3)  # noqa: S311 - which other article is asked, the same every time
    for name in ("squad2_dev16", "xquad_en", "multihop_rag"):
        documents = read_rows(sets / name, "documents")
        shelf, ids = Shelf(documents, embedder, folder / name), [row["doc_id"] for row in documents]
        for row in read_rows(sets / name, "questions"):
            kind = " adversarial" if row["unanswerable"] and row["doc_ids"] else " null" if row["unanswerable"] else ""
            row["answer_spans"] = row.get("answer_spans") or []
            cases.append(shelf.ask(row, name + kind))
            if name == "multihop_rag" or not row["doc_ids"]:
                continue
            gold = row["doc_ids"][0]
            others = [id for id in ids if id != gold]
            cases.append(shelf.ask(row, f"{name} alone{kind}", articles=[gold]))
            if not row["unanswerable"]:
                without = {**row, "unanswerable": True, "answer_spans": []}
                cases.append(shelf.ask(without, f"{name} removed", articles=others))
                cases.append(shelf.ask(without, f"{name} other", articles=[chance.choice(others)]))
    return cases


def learn_ranker(cases: Sequence[Case]) -> Floats:
    """Learn weights (features,) under which a softmax finds the sentences that hold the answer; by Newton's method."""
    usable = [case for case in cases if case.group in ("squad2_dev16", "xquad_en") and case.holds.any()]
    features = np.concatenate([case.measured.features for case in usable])
    scale = features.std(axis=0) + 1e-9
    rows = [(case.measured.features / scale, case.holds) for case in usable]
    weights = np.zeros(features.shape[1])
    value = -math.inf
    step = np.zeros_like(weights)
    for _ in range(60):
        trial, gradient, curvature = _follow(rows, weights + step)
        if trial <= value:
            step = step / 2
            if np.abs(step).max() < 1e-6:
                break
            continue
        weights, value = weights + step, trial
        step = np.linalg.solve(curvature, gradient)
    learned: Floats = weights / scale
    return learned


def _follow(rows: Sequence[tuple[Floats, npt.NDArray[np.bool_]]], weights: Floats) -> tuple[float, Floats, Floats]:
    """Measure the penalised log-likelihood at some weights, its gradient, and a bound of its curvature."""
    value = -RIDGE / 2 * float(weights @ weights)
    gradient, curvature = -RIDGE * weights, RIDGE * np.eye(len(weights))
    for standard, holds in rows:
        scores = standard @ weights
        chances = np.exp(scores - scores.max())
        among = np.where(holds, np.exp(scores - scores[holds].max()), 0.0)
        value += float(scores[holds].max() - scores.max() + np.log(among.sum() / chances.sum()))
        chances, among = chances / chances.sum(), among / among.sum()
        expected = chances @ standard
        gradient += among @ standard - expected
        curvature += (standard * chances[:, None]).T @ standard - np.outer(expected, expected)
    return value, gradient, curvature


def learn_confidence(cases: Sequence[Case]) -> tuple[Floats, float]:
    """Learn weights (features,) and intercept of a logistic regression: classes balanced, then set to `PRIOR`."""
    features, answerable, weights = _collect(cases)
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-9
    standard = np.c_[(features - mean) / scale, np.ones(len(features))]
    share = np.where(answerable, weights[answerable].sum(), weights[~answerable].sum())
    weights = weights / share * len(weights) / 4
    ridge = np.diag([1.0] * len(scale) + [0.0])
    solution = np.zeros(len(scale) + 1)
    for _ in range(50):
        chances = 1 / (1 + np.exp(-standard @ solution))
        gradient = standard.T @ (weights * (answerable - chances)) - ridge @ solution
        curvature = (standard * (weights * chances * (1 - chances))[:, None]).T @ standard + ridge
        step = np.linalg.solve(curvature, gradient)
        solution += step
        if np.abs(step).max() < 1e-8:
            break
    learned = solution[:-1] / scale
    return learned, float(solution[-1] - learned @ mean + math.log(PRIOR / (1 - PRIOR)))


def _collect(cases: Sequence[Case]) -> tuple[Floats, npt.NDArray[np.bool_], Floats]:
    return (
        np.array([case.evidence for case in cases]),
        np.array([case.is_answerable for case in cases]),
        np.array([GROUP_WEIGHTS[case.group] for case in cases]),
    )


def _score(cases: Iterable[Case], ranker: Floats) -> None:
    for case in cases:
        case.scores = case.measured.features @ ranker
        case.evidence = measure_evidence(case.question, case.passages, case.measured, case.scores)


def cross_validate(cases: Sequence[Case]) -> dict[str, Any]:
    """Learn without a fifth of the articles in turn, and measure on that fifth."""
    keys = sorted({case.fold_key for case in cases})
    fold_of = {key: index % FOLDS for index, key in enumerate(keys)}
    confidences: dict[int, float] = {}
    ranked: dict[str, list[tuple[bool, bool, int]]] = {}
    for fold in range(FOLDS):
        rest = [case for case in cases if fold_of[case.fold_key] != fold]
        held = [case for case in cases if fold_of[case.fold_key] == fold]
        ranker = learn_ranker(rest)
        _score(cases, ranker)
        weights, intercept = learn_confidence(rest)
        for case in held:
            assert case.scores is not None  # noqa: S101 - for the type checker
            assert case.evidence is not None  # noqa: S101
            confidences[id(case)] = 1 / (1 + math.exp(-float(case.evidence @ weights) - intercept))
            if case.group in ("squad2_dev16", "xquad_en"):
                chosen = choose_sentences(case.measured, case.scores, case.lengths)
                quoted = sum(case.lengths[index] for index in chosen)
                ranked.setdefault(case.group, []).append(
                    (bool(case.holds[chosen[0]]), bool(case.holds[chosen].any()), quoted)
                )
    report: dict[str, Any] = {
        group: dict(zip(("first", "any", "characters"), np.mean(rows, axis=0).round(4).tolist(), strict=True))
        for group, rows in ranked.items()
    }
    groups = {group: [confidences[id(case)] for case in cases if case.group == group] for group in GROUP_WEIGHTS}
    for name, (answered, refused) in {
        "squad2_dev16 adversarial": ("squad2_dev16", "squad2_dev16 adversarial"),
        "squad2_dev16 removed": ("squad2_dev16", "squad2_dev16 removed"),
        "squad2_dev16 one article": ("squad2_dev16 alone", "squad2_dev16 other"),
        "xquad_en": ("xquad_en", "xquad_en null"),
        "multihop_rag null": ("multihop_rag", "multihop_rag null"),
    }.items():
        yes, no = np.array(groups[answered]), np.array(groups[refused])
        order = (yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2
        report[f"confidence, {name}"] = {
            "auroc": round(float(order), 4),
            "answered": round(float((yes >= 0.5).mean()), 4),
            "abstained": round(float((no < 0.5).mean()), 4),
        }
    report["reliability error"] = round(_measure_reliability(cases, confidences), 4)
    return report


def _measure_reliability(cases: Sequence[Case], confidences: dict[int, float]) -> float:
    """Measure how far confidence is from the share answerable, over ten bins, at `PRIOR`, without the adversarial."""
    kept = [case for case in cases if "adversarial" not in case.group]
    _, answerable, weights = _collect(kept)
    weights = np.where(
        answerable, weights / weights[answerable].sum() * PRIOR, weights / weights[~answerable].sum() * (1 - PRIOR)
    )
    confidence = np.array([confidences[id(case)] for case in kept])
    bins = np.minimum((confidence * 10).astype(int), 9)
    return float(
        sum(abs(np.sum(weights[bins == b] * (confidence[bins == b] - answerable[bins == b]))) for b in range(10))
    )


def main() -> None:
    """Learn, report what cross-validation finds, and write the weights where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS_FILE.name}")
    options = parser.parse_args()
    embedder = MiniLMEmbedder(cache_folder=Settings(index=Path("index")).cache)
    with tempfile.TemporaryDirectory() as folder:
        cases = gather_cases(options.sets, embedder, Path(folder))
    report = cross_validate(cases)
    ranker = learn_ranker(cases).round(3)
    _score(cases, ranker)
    weights, intercept = learn_confidence(cases)
    learned = {
        "sentence": dict(zip(SENTENCE_FEATURES, ranker.tolist(), strict=True)),
        "evidence": dict(zip(EVIDENCE_FEATURES, weights.round(3).tolist(), strict=True)),
        "intercept": round(intercept, 3),
    }
    json.dump({"held out": report, "weights": learned}, sys.stdout, indent=1)
    if options.write:
        WEIGHTS_FILE.write_text(json.dumps(learned, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
