"""Measures what each step of retrieval gains, and how far the confidence of an answer can be trusted.

    uv run python notebooks/ablation.py SETS [NAME]... [--write]

SETS is a folder as `learn_quoting.py` reads it; NAME is one of its sets, all of SETS_WITH_EVIDENCE unless named. With
--write, the figures go to results/ablation-COMMIT.json, which retrieval.ipynb draws; no text of an article does.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from learn_quoting import read_rows, to_article
from tracked import ROOT, keep, load_newest, read_commit

from assistant.embedding import Embedder, MiniLMEmbedder
from assistant.evaluation import load_cases
from assistant.evaluation.comparing import bootstrap_mean
from assistant.evaluation.locating import locate_evidence
from assistant.evaluation.metrics import calibration_error
from assistant.ingest import add_sources
from assistant.library import Library
from assistant.quoting import answer_with_quotes
from assistant.reading import list_files, read_article
from assistant.retrieval import DEFAULT_WEIGHTS, RetrievalWeights, retrieve
from assistant.settings import Settings
from assistant.snapshot import Snapshot
from assistant.types import Article, Span

Floats = npt.NDArray[np.float64]
SETS_WITH_EVIDENCE = ("squad2_dev16", "xquad_en", "multihop_rag", "scifact")
LIMIT = 10
COVERED = 0.6  # of a piece of evidence, in a passage that holds it
THRESHOLDS = np.linspace(0, 1, 51)

# Retrieval without each of its steps.
STEPS = {
    "question words": replace(DEFAULT_WEIGHTS, question_words=0.0),
    "clause words": replace(DEFAULT_WEIGHTS, clause_words=0.0),
    "sentence words": replace(DEFAULT_WEIGHTS, sentence_words=0.0),
    "cosine": replace(DEFAULT_WEIGHTS, cosine=0.0),
    "named outlet": replace(DEFAULT_WEIGHTS, named_outlet=0.0),
    "named day": replace(DEFAULT_WEIGHTS, named_day=0.0),
    "same article": replace(DEFAULT_WEIGHTS, same_article=0.0),
    "clauses": replace(DEFAULT_WEIGHTS, max_clauses=1),
    "nearest neighbours": replace(DEFAULT_WEIGHTS, nearest_passages=0),
}


@dataclass(frozen=True, slots=True)
class Question:
    """A question with its evidence: where in which articles it stands. A span of None is all of an article."""

    text: str
    evidence: tuple[tuple[str, Span | None], ...]
    is_answerable: bool


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Articles and the questions that are asked of them."""

    name: str
    articles: tuple[Article, ...]
    questions: tuple[Question, ...]


def load_set(sets: Path, name: str) -> QuestionSet:
    """Load an open set."""
    questions = []
    for row in read_rows(sets / name, "questions"):
        gold = row["doc_ids"][0] if row["doc_ids"] else ""
        spans = row.get("evidence_spans") or row.get("answer_spans") or []
        evidence = [(span.get("doc_id", gold), Span(span["start"], span["end"])) for span in spans]
        whole = [] if evidence else [(id, None) for id in row["doc_ids"]]
        questions.append(Question(row["question"], tuple(evidence or whole), not row["unanswerable"]))
    return QuestionSet(name, tuple(map(to_article, read_rows(sets / name, "documents"))), tuple(questions))


def load_sample() -> QuestionSet:
    """Load the project's own sample articles and questions."""
    articles = [read_article(file) for file in list_files(ROOT / "articles") if isinstance(file, Path)]
    texts = {article.id: article.text for article in articles}
    cases = load_cases(ROOT / "notebooks" / "cases.jsonl")
    pieces = locate_evidence(cases, ids=list(texts), text_of=texts.__getitem__).pieces
    questions = [
        Question(case.question, tuple(piece.places[0] for piece in pieces[case.id]), not case.unanswerable)
        for case in cases.cases
    ]
    return QuestionSet("sample", tuple(articles), tuple(questions))


@contextmanager
def open_set(asked: QuestionSet) -> Iterator[tuple[Snapshot, Embedder]]:
    """Index the articles of a set in a folder of its own."""
    embedder = MiniLMEmbedder(cache_folder=Settings(index=Path("index")).cache)
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder) / "index", embedding_model=embedder.identity)
        add_sources(list(asked.articles), library=library, embedder=embedder)
        with library.snapshot() as snapshot:
            yield snapshot, embedder
        library.close()


def measure_retrieval(asked: QuestionSet, library: Snapshot, embedder: Embedder, weights: RetrievalWeights) -> Floats:
    """Measure for each question the share of its evidence in ten passages, and 1 / the rank of the first: (n, 2)."""
    rows = []
    for question in asked.questions:
        if not (question.is_answerable and question.evidence):
            continue
        found = retrieve(question.text, library=library, embedder=embedder, limit=LIMIT, weights=weights).passages
        held = [[_covers(it.passage.article_id, it.passage, piece) for piece in question.evidence] for it in found]
        ranks = [rank for rank, pieces in enumerate(held, start=1) if any(pieces)]
        rows.append((np.mean(np.any(held, axis=0)) if held else 0.0, 1 / ranks[0] if ranks else 0.0))
    return np.array(rows)


def _covers(article: str, stretch: Any, piece: tuple[str, Span | None], share: float = COVERED) -> bool:
    """Whether a passage or quote of an article holds enough of a piece of evidence."""
    gold, span = piece
    if article != gold or span is None:
        return article == gold
    overlap = min(stretch.end, span.end) - max(stretch.start, span.start)
    return overlap >= share * (span.end - span.start)


def compare(full: Floats, without: Floats) -> list[float]:
    """Compare paired figures: the mean gain of the step, and its 95 % interval by a paired bootstrap."""
    gains = full - without
    return [round(float(value), 4) for value in (gains.mean(), *bootstrap_mean(gains, seed=7))]


def measure_answers(asked: QuestionSet, library: Snapshot, embedder: Embedder) -> Floats:
    """Measure for each question the confidence, whether it has an answer, and whether a quote holds it: (n, 3)."""
    rows = []
    for question in asked.questions:
        found = retrieve(question.text, library=library, embedder=embedder, limit=LIMIT)
        answer = answer_with_quotes(question.text, found, library=library, threshold=0.0)
        is_right = question.is_answerable and any(
            _covers(citation.article.id, citation, piece)
            for citation in answer.citations
            for piece in question.evidence
        )
        rows.append((answer.confidence, question.is_answerable, is_right))
    return np.array(rows, np.float64)


def draw_curve(answers: Floats) -> dict[str, list[float]]:
    """Work out, over the threshold, the share of answerable questions answered, of others refused, of answers right."""
    confidence, is_answerable, is_right = answers.T
    curve: dict[str, list[float]] = {"threshold": [], "answered": [], "refused": [], "right": []}
    for threshold in THRESHOLDS:
        is_answered = confidence >= threshold
        shares = (
            is_answered[is_answerable == 1],
            ~is_answered[is_answerable == 0],
            is_right[is_answered],
        )
        curve["threshold"].append(round(float(threshold), 2))
        for name, share in zip(("answered", "refused", "right"), shares, strict=True):
            curve[name].append(round(float(share.mean()), 4) if len(share) else 1.0)
    return curve


def measure_set(asked: QuestionSet) -> dict[str, Any]:
    """Measure everything about one set, as figures that JSON can hold."""
    with open_set(asked) as (library, embedder):
        full = measure_retrieval(asked, library, embedder, DEFAULT_WEIGHTS)
        steps = {}
        for name, weights in STEPS.items():
            without = measure_retrieval(asked, library, embedder, weights)
            steps[name] = {
                "found@10": compare(full[:, 0], without[:, 0]),
                "mrr@10": compare(full[:, 1], without[:, 1]),
            }
        answers = measure_answers(asked, library, embedder)
    found, rank = full.mean(axis=0).round(4).tolist()
    return {
        "articles": len(asked.articles),
        "questions": len(full),
        "found@10": found,
        "mrr@10": rank,
        "gain of each step": steps,
        "reliability error": round(calibration_error(answers[:, 0], answers[:, 1]), 4),
        "answerable": round(float(answers[:, 1].mean()), 4),
        "curve": draw_curve(answers),
    }


def load_results() -> dict[str, Any]:
    """Load the newest figures that were kept, by set; none where there are none."""
    kept: dict[str, Any] = load_newest("ablation").get("sets", {})
    return kept


def main() -> None:
    """Measure the sets that were named, and keep the figures where asked to."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("names", nargs="*", default=SETS_WITH_EVIDENCE)
    parser.add_argument("--write", action="store_true", help="keep the figures in results/")
    options = parser.parse_args()
    results = {**read_commit(), "sets": {name: measure_set(load_set(options.sets, name)) for name in options.names}}
    json.dump(results, sys.stdout, indent=1)
    if options.write:
        keep("ablation", results)


def list_rows(measured: dict[str, Any], figure: str) -> list[list[str]]:
    """List a row for each step: its gain on each set, with the interval, as text."""
    return [
        [
            step,
            *("{:+.3f} [{:+.3f}, {:+.3f}]".format(*it["gain of each step"][step][figure]) for it in measured.values()),
        ]
        for step in STEPS
    ]


def write_table(measured: dict[str, Any], figure: str) -> str:
    """Write the table of gains in Markdown."""
    rows: Sequence[Sequence[str]] = [
        ["gain of", *measured],
        ["---"] * (len(measured) + 1),
        *list_rows(measured, figure),
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


if __name__ == "__main__":
    main()
