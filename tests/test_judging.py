import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from model_server import Fails, ModelServer, Says

from assistant import Article, Assistant
from assistant.errors import EvaluationError
from assistant.evaluation import Case, CaseSet, Evidence, Judge, Mention, evaluate, load_result
from assistant.evaluation.judging import (
    LabelledSample,
    LabelledStatement,
    load_sample,
    measure_agreement,
)
from assistant.evaluation.tables import render_result
from assistant.settings import load_settings
from assistant.verdicts import Verdict

ROOT = Path(__file__).parent.parent
CASES = CaseSet(
    "mine.jsonl",
    (
        Case("fox", "What does the quick brown fox jump over?", (Evidence((Mention("fox", "the lazy dog"),)),)),
        Case("jack", "What did Jack break?", (Evidence((Mention(quote="broke his crown"),)),)),
        Case("election", "Who won the election in France?", unanswerable=True),
    ),
)


@pytest.fixture
def judge(server: ModelServer) -> Iterator[Judge]:
    judge = Judge.open("openai:judge", load_settings("index", base_url=server.base_url))
    yield judge
    judge.close()


# Evaluating


def test_each_sentence_of_an_answer_is_judged_and_failures_are_counted(
    server: ModelServer, judge: Judge, tmp_path: Path, articles: Sequence[Article]
) -> None:
    out = tmp_path / "a.json"
    server.script = lambda request: Fails(400) if "crown" in str(request["messages"]) else Says(["yes"])
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        assistant.add(list(articles))
        result = evaluate(CASES, assistant, judge=judge, out=out)
        again = evaluate(CASES, assistant)

    fox, jack, election = result.cases
    assert fox.judgements
    assert all(verdict is True for verdict in fox.judgements)
    assert fox.figures["judged_supported"] == 1
    assert any(isinstance(verdict, str) for verdict in jack.judgements)
    assert (election.judgements, election.figures["judged_supported"]) == ((), None)
    assert server.prompts[0].splitlines()[1].startswith("Forest Courier, 15 March 2025: The quick brown fox")
    assert result.run["judge"]["model"].startswith("openai:judge@127.0.0.1")
    assert load_result(out) == result
    failed = sum(isinstance(verdict, str) for case in result.cases for verdict in case.judgements)
    shown = render_result(result)
    assert f"No verdict of {failed} of them" in shown
    assert "How far it agrees with people isn't known" in shown
    assert again.metrics["judged_supported"] is None
    assert "Judged by" not in render_result(again)


def test_searching_alone_has_nothing_to_judge(tmp_path: Path, judge: Judge) -> None:
    with (
        Assistant.open(tmp_path / "index", model="quotes") as assistant,
        pytest.raises(EvaluationError, match="no answers that could be judged"),
    ):
        evaluate(CASES, assistant, judge=judge, search_only=True)


# How far it is to be trusted


def make_sample(labels: Sequence[bool]) -> LabelledSample:
    return LabelledSample("mine", "x", tuple(LabelledStatement(str(n), ("x",), it) for n, it in enumerate(labels)))


def test_the_agreement_is_worked_out_by_hand() -> None:
    # 20 both yes, 5 only people, 10 only the judge, 15 both no, and two that it said nothing of.
    labels = [True] * 25 + [False] * 25 + [True, False]
    verdicts: list[Verdict] = [True] * 20 + [False] * 5 + [True] * 10 + [False] * 15 + ["busy", "busy"]

    agreement = measure_agreement(make_sample(labels), lambda statement, _: verdicts[int(statement)])

    assert (agreement.count, agreement.failures, agreement.share) == (50, 2, 0.7)
    assert agreement.share_interval == pytest.approx((0.5625, 0.8090), abs=1e-4)  # Wilson's
    assert agreement.kappa == pytest.approx(0.4)  # (0.7 - 0.5) / (1 - 0.5)
    low, high = agreement.kappa_interval or (0, 0)
    # The standard error is √(0.7 · 0.3 / 50) / 0.5, as Cohen has it: 0.13.
    assert (low, high) == pytest.approx((0.4 - 1.96 * 0.13, 0.4 + 1.96 * 0.13), abs=0.04)


def test_the_interval_of_kappa_holds_the_truth_as_often_as_it_says() -> None:
    draws = np.random.default_rng(1)
    held, trials = 0, 30
    for _ in range(trials):
        labels = draws.random(60) < 0.5
        verdicts = np.where(draws.random(60) < 0.8, labels, ~labels)  # kappa: (0.8 - 0.5) / 0.5
        sample = make_sample(labels.tolist())
        agreement = measure_agreement(sample, lambda statement, _, verdicts=verdicts: bool(verdicts[int(statement)]))
        low, high = agreement.kappa_interval or (0, 0)
        held += low <= 0.6 <= high

    assert held / trials >= 0.83  # 0.95, less three standard errors of so many trials


def test_where_all_are_one_kappa_is_unknown() -> None:
    alike = measure_agreement(make_sample([True] * 5), lambda *_: True)
    silent = measure_agreement(make_sample([True] * 5), lambda *_: "busy")

    assert (alike.share, alike.kappa, alike.kappa_interval) == (1, None, None)
    assert (silent.count, silent.failures, silent.share) == (0, 5, None)


def test_the_agreement_is_in_the_result_and_on_the_screen(
    server: ModelServer, tmp_path: Path, articles: Sequence[Article]
) -> None:
    rows = [{"statement": f"{n} came.", "evidence": [f"{n} came."], "supported": n % 2 == 0} for n in range(8)]
    (tmp_path / "labelled.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    settings = load_settings("index", base_url=server.base_url)
    judge = Judge.open("openai:judge", settings, sample=tmp_path / "labelled.jsonl")
    server.script = lambda request: Says(["no" if "7 came" in str(request["messages"]) else "yes"])
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        assistant.add(list(articles))
        result = evaluate(CASES, assistant, judge=judge, out=tmp_path / "a.json")
    judge.close()

    assert result.run["judge"]["agreement"]["share"] == 5 / 8
    assert result.run["judge"]["sample"]["name"] == "labelled.jsonl"
    assert load_result(tmp_path / "a.json") == result
    shown = render_result(result)
    assert "Of 8 statements of labelled.jsonl, it says what people said of 0.625 [" in shown
    assert "Cohen's kappa: 0.250 [" in shown


def test_a_mistake_in_the_labelled_statements_is_told_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "labelled.jsonl"
    wrong = ["{", "[]", '{"statement": "x", "evidence": "x", "supported": true}']
    wrong.append('{"statement": "x", "evidence": ["x"], "supported": 1}')
    path.write_text("\n".join(wrong), encoding="utf-8")

    with pytest.raises(EvaluationError) as error:
        load_sample(path)

    assert [mistake.partition(", ")[2][:6] for mistake in error.value.mistakes] == [f"line {n}" for n in range(1, 5)]
    path.write_text("\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="there is no statement in it"):
        load_sample(path)
    with pytest.raises(EvaluationError, match="can't be read"):
        load_sample(tmp_path / "missing.jsonl")
    path.write_bytes(b"\xff")
    with pytest.raises(EvaluationError, match="is not UTF-8"):
        load_sample(path)


def test_the_statements_that_we_labelled_are_of_the_sample_articles() -> None:
    sample = load_sample(ROOT / "notebooks" / "labelled.jsonl")
    said = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "articles").iterdir())

    assert len(sample.statements) >= 40
    assert 0.4 <= np.mean([it.is_supported for it in sample.statements]) <= 0.6
    assert all(quote in said for it in sample.statements for quote in it.evidence)
