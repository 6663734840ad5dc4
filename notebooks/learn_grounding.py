"""Learns how statements are weighed (assistant/grounding_weights.json), and says how well that does.

    python notebooks/learn_grounding.py EVAL_FOLDER [--write]

EVAL_FOLDER holds wice/ and qags/, each with documents.jsonl(.gz) and items.jsonl(.gz): claims, each with its document
and a label. The third set is tests/fixtures/statements.jsonl: statements, each with the sentences cited for it. What is
measured is the code of assistant/grounding.py itself; only the weights are learned here, by a logistic regression in
which all sets, and both labels within each, count the same. Items with a fault are refused whatever the weights, so
they are left out, and what a fault takes from the score is learned from what is left.
"""

import argparse
import gzip
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from assistant.embedding import MiniLMEmbedder
from assistant.grounding import FEATURES, WEIGHTS_FILE, measure
from assistant.settings import Settings

Floats = npt.NDArray[np.float64]
FOLDS = 5
RIDGE = 3.0  # added to the curvature of every standardised weight
FAULT = -1.5  # what each fault adds to the logit; the order of scores changes little between -1 and -2
SHIFT = -0.05  # added to the intercept, so that one threshold does for all sets
CAUTION = 0.25  # taken off where few sentences are cited, for the set of those has few that are wrong without a fault
STATEMENTS = Path(__file__).parents[1] / "tests" / "fixtures" / "statements.jsonl"
SETS = ("wice", "qags")


class Items(NamedTuple):
    """The items of one set, measured: features (items, features), fault counts, labels, and the document of each."""

    features: Floats
    faults: Floats
    supported: npt.NDArray[np.bool_]
    documents: Sequence[str]

    def choose(self, mask: npt.NDArray[np.bool_]) -> "Items":
        """Choose some of the items."""
        documents = [document for document, is_chosen in zip(self.documents, mask, strict=True) if is_chosen]
        return Items(self.features[mask], self.faults[mask], self.supported[mask], documents)


class Model(NamedTuple):
    """A logistic regression."""

    weights: Floats
    intercept: float

    def score(self, items: Items) -> Floats:
        """Compute the logit of each item."""
        logits: Floats = items.features @ self.weights + self.intercept + FAULT * np.minimum(3, items.faults)
        return logits


def _read_rows(folder: Path, name: str) -> list[dict[str, Any]]:
    packed = folder / f"{name}.jsonl.gz"
    text = gzip.decompress(packed.read_bytes()).decode() if packed.exists() else (folder / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines() if line.strip()]


def measure_items(folder: Path, embedder: MiniLMEmbedder) -> Items:
    """Measure every claim of a set against its whole document."""
    texts = {row["doc_id"]: row["text"] for row in _read_rows(folder, "documents")}
    rows = [row for row in _read_rows(folder, "items") if row.get("claim")]
    return _measure(
        [(row["claim"], [texts[row["doc_id"]]], row["label"] == "supported", row["doc_id"]) for row in rows], embedder
    )


def measure_statements(embedder: MiniLMEmbedder) -> Items:
    """Measure every statement of the tests against what is cited for it."""
    rows = [json.loads(line) for line in STATEMENTS.read_text(encoding="utf-8").splitlines()]
    return _measure(
        [(row["statement"], row["evidence"], row["supported"], row["evidence"][0]) for row in rows], embedder
    )


def _measure(cases: Sequence[tuple[str, list[str], bool, str]], embedder: MiniLMEmbedder) -> Items:
    measured = [measure(statement, evidence, embedder=embedder) for statement, evidence, _, _ in cases]
    found = [(case, one) for case, one in zip(cases, measured, strict=True) if one is not None]
    return Items(
        np.array([one.features for _, one in found]),
        np.array([len(one.faults) for _, one in found], float),
        np.array([case[2] for case, _ in found]),
        [case[3] for case, _ in found],
    )


def learn(sets: Sequence[Items]) -> Model:
    """Learn the weights by Newton's method, from the items without a fault."""
    features, supported, weights = [], [], []
    for items in sets:
        share = np.where(items.supported, items.supported.mean(), 1 - items.supported.mean())
        clean = items.faults == 0
        features.append(items.features[clean])
        supported.append(items.supported[clean])
        weights.append((0.5 / share / len(share) * 400)[clean])
    stacked, labels, weight = np.concatenate(features), np.concatenate(supported), np.concatenate(weights)
    mean, scale = stacked.mean(axis=0), stacked.std(axis=0) + 1e-9
    standard = np.c_[(stacked - mean) / scale, np.ones(len(stacked))]
    ridge = np.diag([RIDGE] * len(scale) + [0.0])
    solution = np.zeros(len(scale) + 1)
    for _ in range(50):
        chances = 1 / (1 + np.exp(-standard @ solution))
        gradient = standard.T @ (weight * (labels - chances)) - ridge @ solution
        curvature = (standard * (weight * chances * (1 - chances))[:, None]).T @ standard + ridge
        step = np.linalg.solve(curvature, gradient)
        solution += step
        if np.abs(step).max() < 1e-8:
            break
    learned = solution[:-1] / scale
    intercept = float(solution[-1] - learned @ mean + SHIFT) - CAUTION
    learned[FEATURES.index("is_article")] += CAUTION
    return Model(learned, intercept)


def report(items: Items, logits: Floats) -> dict[str, float]:
    """Report how well logits tell the supported items from the others, and from 0 on, without a fault, right ones."""
    yes, no = logits[items.supported], logits[~items.supported]
    order = (yes[:, None] > no).mean() + (yes[:, None] == no).mean() / 2
    accepted = (logits >= 0) & (items.faults == 0)
    right = accepted[items.supported].mean(), 1 - accepted[~items.supported].mean()
    return {
        "auroc": round(float(order), 4),
        "balanced_accuracy": round(float(sum(right)) / 2, 4),
        "accepted_when_supported": round(float(right[0]), 4),
        "refused_when_not": round(float(right[1]), 4),
    }


def cross_validate(sets: dict[str, Items]) -> dict[str, dict[str, float]]:
    """Learn without a fifth of the documents in turn and from the other set alone, and measure what was left out."""
    held = {name: np.zeros(len(items.supported)) for name, items in sets.items()}
    folds = {
        name: np.array([sorted(set(items.documents)).index(one) % FOLDS for one in items.documents])
        for name, items in sets.items()
    }
    for fold in range(FOLDS):
        model = learn([items.choose(folds[name] != fold) for name, items in sets.items()])
        for name, items in sets.items():
            held[name][folds[name] == fold] = model.score(items)[folds[name] == fold]
    results = {f"{name}, held out": report(items, held[name]) for name, items in sets.items()}
    for name, other in (SETS, SETS[::-1]):
        results[f"{other}, learned from {name} alone"] = report(sets[other], learn([sets[name]]).score(sets[other]))
    return results


def main() -> None:
    """Measure, learn, report, and write the weights where asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", type=Path)
    parser.add_argument("--write", action="store_true", help=f"write {WEIGHTS_FILE.name}")
    options = parser.parse_args()
    embedder = MiniLMEmbedder(cache_folder=Settings(index=Path("index")).cache)
    sets = {name: measure_items(options.sets / name, embedder) for name in SETS}
    sets["statements"] = measure_statements(embedder)
    model = learn(list(sets.values()))
    learned = dict(zip(FEATURES, model.weights.round(3).tolist(), strict=True))
    learned |= {"fault": FAULT, "intercept": round(model.intercept, 3)}
    json.dump({**cross_validate(sets), "weights": learned}, sys.stdout, indent=1)
    if options.write:
        WEIGHTS_FILE.write_text(json.dumps(learned, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
