"""The notebooks run from their first cell to their last, on the sample articles, so that one command tests them too."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ablation import compare, draw_curve, load_sample
from archive import make_articles, make_questions
from figures import measure_share
from hypothesis import given
from hypothesis import strategies as st
from speed import describe_times
from tracked import keep, load_newest, read_commit

ROOT = Path(__file__).parent.parent
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_the_notebook_runs(notebook: Path, tmp_path: Path) -> None:
    options = ["--nbmake", "--override-ini=addopts=", "--override-ini=filterwarnings=default", "-p", "no:cacheprovider"]
    command = [sys.executable, "-m", "pytest", *options, f"--rootdir={ROOT}", str(notebook)]

    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)

    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("notebook", NOTEBOOKS, ids=lambda path: path.name)
def test_the_notebook_is_kept_without_outputs(notebook: Path) -> None:
    text = notebook.read_text(encoding="utf-8")

    assert '"output_type"' not in text
    assert '"execution_count": null' in text


def test_the_sample_says_where_its_evidence_stands() -> None:
    sample = load_sample()

    texts = {article.id: article.text for article in sample.articles}
    assert len(sample.questions) >= 60
    for question in sample.questions:
        assert question.is_answerable == bool(question.evidence)
        assert all(span and texts[id][span.start : span.end].strip() for id, span in question.evidence)


def test_a_step_that_changes_nothing_gains_nothing_and_one_that_always_helps_does() -> None:
    full, without = np.array([1.0, 1.0, 0.5, 1.0] * 10), np.array([0.5, 0.5, 0.0, 0.5] * 10)

    assert compare(full, full) == [0.0, 0.0, 0.0]
    assert compare(full, without) == [0.5, 0.5, 0.5]
    gain, low, high = compare(full, np.roll(full, 1))
    assert low < gain == 0.0 < high


def test_the_intervals_of_shares_are_those_of_wilson() -> None:
    low, high = measure_share(8, 10)

    # (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n), with p = .8, n = 10 and z = 1.96
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert measure_share(0, 5)[0] == 0


def test_the_newest_figures_are_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tracked.RESULTS", tmp_path / "results")
    assert load_newest("speed") == {}

    for day, commit in ((2, "b" * 40), (1, "a" * 40)):
        keep("speed", {"commit": commit, "date": f"2026-11-0{day}"})
    keep("ablation", {"commit": "c" * 40, "date": "2026-11-03"})

    assert load_newest("speed")["commit"] == "b" * 40
    assert (tmp_path / "results" / f"speed-{'a' * 12}.json").is_file()
    assert len(read_commit()["commit"]) == 40


def test_an_archive_is_made_of_the_passages_that_were_asked_for() -> None:
    made = list(make_articles(15))

    assert sum(len(embedded) for _, embedded in made) == 15
    for article, embedded in made:
        assert "".join(it.passage.text for it in embedded) == article.text
        assert all(abs(np.linalg.norm(it.vector) - 1) < 1e-5 for it in embedded)
    words = " ".join(article.text.lower() for article, _ in made)
    questions = make_questions(3, passages=15)
    assert all(question.split()[2].lower() in words for question in questions)


def test_the_intervals_of_times_hold_what_they_are_of() -> None:
    times = describe_times([float(ms) for ms in range(1, 101)])

    (middle, low, high), (late, *_) = times["p50"], times["p95"]
    assert (middle, late) == (50.5, 95.0)
    assert 35 < low < 50.5 < high < 65


def test_no_cell_of_a_notebook_holds_logic() -> None:
    for notebook in NOTEBOOKS:
        cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
        assert len(cells) <= 12
        assert not [cell for cell in cells if cell["cell_type"] == "code" and "def " in "".join(cell["source"])]
        assert cells[0]["source"][0].startswith("# ")


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=30))
def test_a_higher_threshold_answers_less_and_refuses_more(rows: list[tuple[float, bool]]) -> None:
    curve = draw_curve(np.array([(confidence, answerable, answerable) for confidence, answerable in rows], np.float64))

    assert curve["answered"] == sorted(curve["answered"], reverse=True)
    assert curve["refused"] == sorted(curve["refused"])
    assert curve["answered"][0] == 1.0
