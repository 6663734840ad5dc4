import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from model_server import ModelServer, Says

from assistant import Answer, Article, Assistant, Citation, Statement, Support, Usage
from assistant.errors import EvaluationError, LibraryError
from assistant.evaluation import Case, CaseSet, Evidence, Mention, Result, evaluate, load_cases, load_result
from assistant.evaluation.locating import Piece, Place
from assistant.evaluation.results import describe_run
from assistant.evaluation.running import draw_cases, measure_answer
from assistant.evaluation.tables import render_result
from assistant.types import Span

ROOT = Path(__file__).parent.parent
Articles = tuple[Article, Article, Article]

CASES = CaseSet(
    "mine.jsonl",
    (
        Case("fox", "What does the quick brown fox jump over?", (Evidence((Mention("fox", "the lazy dog"),)),)),
        Case(
            "jack", "What did Jack break?", (Evidence((Mention(quote="broke his crown"),)),), ("his crown", "a crown")
        ),
        Case("lamb", "What did Mary have?", (), ("a little lamb",)),
        Case("election", "Who won the election in France?", unanswerable=True),
    ),
)


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, articles: Articles) -> Iterator[Assistant]:
    """One for all tests, none of which changes its index."""
    folder = tmp_path_factory.mktemp("evaluated")
    with Assistant.open(folder / "index", model="quotes", cache=str(shared_cache)) as assistant:
        assistant.add(articles)
        yield assistant


def without_times(result: Result) -> Result:
    return replace(result, cases=tuple(replace(case, seconds=0.0) for case in result.cases))


def test_each_case_is_asked_and_measured(assistant: Assistant) -> None:
    seen: list[tuple[int, int]] = []

    result = evaluate(CASES, assistant, progress=lambda done, total: seen.append((done, total)))

    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    fox, jack, lamb, election = result.cases
    assert (fox.id, fox.question, fox.abstained) == ("fox", CASES.cases[0].question, False)
    assert fox.figures["hit@1"] == fox.figures["mrr@10"] == fox.figures["citation_recall"] == fox.figures["right"] == 1
    assert fox.figures["f1"] is None
    assert fox.answer.startswith("The quick brown fox jumps")
    assert fox.citations[0].article == fox.retrieved[0].article == "fox"
    assert (jack.figures["right"], jack.figures["answer_held"], jack.figures["exact_match"]) == (1, 1, 0)
    assert (lamb.figures["hit@1"], lamb.figures["right"]) == (None, lamb.figures["answer_held"])
    assert election.unanswerable
    assert (election.figures["refused"], election.figures["answered"]) == (float(bool(election.abstained)), None)
    assert all(case.seconds > 0 for case in result.cases)
    assert result.metrics["citations_exact"] == result.metrics["statements_cited"] == 1
    assert result.metrics["prompt_tokens"] is None  # no language model was asked
    assert result.counts["right"] == 4
    assert "4 cases of mine.jsonl, 3 articles, quotes" in render_result(result)


def test_an_answer_is_measured_by_hand(articles: Articles) -> None:
    fox, jill, _ = articles
    quotes = [
        Citation(1, fox.ref, 0, 44, fox.text[0:44], 0),
        Citation(2, fox.ref, 45, 70, "The dog did not wake up, no", 45),  # isn't what stands there
        Citation(3, jill.ref, 59, 98, jill.text[59:98], 59),
    ]
    proven, guessed = Support(0.9, True), Support(0.1, False)
    statements = (
        Statement("The fox jumps.", (quotes[0], quotes[1]), proven),
        Statement("Jack fell.", (quotes[2],), guessed),
        Statement("All is well.", (), guessed),
    )
    answer = Answer("What?", "", statements, tuple(quotes), False, 0.8, (), "openai:x", Usage(100, 20, 0.5), 1.0)
    case = Case("a", "What?", (Evidence((Mention("fox"),)),), ("fox jumps", "jumps"))
    pieces = (Piece((Place("fox", Span(4, 25)),)), Piece((Place("lamb", Span(0, 5)),)))

    figures = measure_answer(answer, case, pieces, text_of={it.id: it.text for it in articles}.__getitem__)

    assert figures == {
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "cost": 0.5,
        "answered": 1,
        "exact_match": 1,  # of the one statement that was proven, without its article
        "f1": 1,
        "answer_held": 1,
        "right": 1,
        "citation_recall": 1 / 2,
        "citation_precision": 1 / 3,
        "citations_exact": 2 / 3,
        "statements_cited": 2 / 3,
        "statements_supported": 1 / 3,
        "quoted_characters": 44 + 25 + 39,
    }


def test_searching_alone_makes_no_answer(assistant: Assistant) -> None:
    result = evaluate(CASES, assistant, search_only=True)

    assert result.metrics["hit@1"] == 1
    assert result.metrics["right"] is result.metrics["auroc"] is result.metrics["refused"] is None
    assert all(case.abstained is None and case.confidence is None for case in result.cases)


def test_whole_articles_are_ranked_as_articles(tmp_path: Path, articles: Articles) -> None:
    long = Article(
        "long", "Fox", "\n\n".join(f"The fox and the dog met again on day {n}. {'It ran. ' * 40}" for n in range(9))
    )
    cases = CaseSet("birds", (Case("a", "fox dog", (Evidence((Mention("long"),)), Evidence((Mention("fox"),)))),))
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        assistant.add([long, *articles])
        (case,) = evaluate(cases, assistant, search_only=True).cases

    assert len([it for it in case.retrieved if it.article == "long"]) > 2
    assert case.figures["recall@5"] == case.figures["ndcg@10"] == 1  # however many passages the long one has


def test_cases_are_drawn_by_a_seed_in_their_order() -> None:
    many = CaseSet("many", tuple(Case(str(number), f"{number}?", unanswerable=True) for number in range(50)))

    drawn = draw_cases(many, limit=10, seed=3)

    assert drawn == draw_cases(many, limit=10, seed=3) != draw_cases(many, limit=10, seed=4)
    assert [int(case.id) for case in drawn.cases] == sorted(int(case.id) for case in drawn.cases)
    assert draw_cases(many, limit=60, seed=3) is draw_cases(many, limit=None, seed=3) is many
    with pytest.raises(EvaluationError, match="limit 0"):
        draw_cases(many, limit=0, seed=0)


# Files


def test_the_result_is_written_and_read_again(assistant: Assistant, tmp_path: Path) -> None:
    out = tmp_path / "a.json"

    result = evaluate(CASES, assistant, out=out, limit=3, seed=1)

    assert load_result(out) == result
    assert not list(tmp_path.glob("*.partial"))
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["metrics"] == result.metrics
    assert written["run"]["cases"] == {
        "name": "mine.jsonl",
        "hash": draw_cases(CASES, limit=3, seed=1).content_hash(),
        "count": 3,
        "left_out": 0,
        "unlocated_evidence": 0,
        "limit": 3,
        "seed": 1,
        "search_only": False,
    }
    with pytest.raises(EvaluationError, match="is there already"):
        evaluate(CASES, assistant, out=out)


def test_a_run_is_identified_without_secrets_or_places(tmp_path: Path, articles: Articles) -> None:
    settings = {"api_key": "sk-secret", "base_url": "http://me:hidden@127.0.0.1:1/v1", "threshold": 0.7}
    with Assistant.open(tmp_path / "index", model="quotes", **settings) as assistant:
        assistant.add(articles)
        run = describe_run(assistant, {"name": "mine.jsonl"})
        assert run["index"] == {"articles": 3, "hash": assistant.content_hash()}

    assert run["model"] == "quotes"
    assert run["settings"]["threshold"] == 0.7
    assert run["embedding_model"].startswith("all-MiniLM-L6-v2@")
    assert len(run["commit"]) == 40
    assert {"answer_system", "repair"} <= run["prompts"].keys()
    assert {"python", "numpy", "chromadb"} <= run["libraries"].keys()
    text = json.dumps(run)
    assert not [word for word in ("secret", "hidden", str(tmp_path), str(Path.home()), str(ROOT)) if word in text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is no result of"),
        ("[]", "is no result of"),
        ('{"run": {}, "cases": [], "format": 99}', "of another version"),
        ('{"run": {}, "cases": [{"id": 3}], "format": 1}', "is no whole result"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(EvaluationError, match=message):
        load_result(path)
    with pytest.raises(EvaluationError, match="can't be read"):
        load_result(tmp_path / "missing.json")


def test_what_does_not_fit_is_said_before_anything_is_asked(tmp_path: Path, assistant: Assistant) -> None:
    elsewhere = CaseSet("mine.jsonl", (Case("a", "Who?", (Evidence((Mention("owl"),)),)),))
    with pytest.raises(EvaluationError, match=r"mine.jsonl, case a \('Who\?'\): no article of the index is owl"):
        evaluate(elsewhere, assistant)
    with pytest.raises(EvaluationError, match="can't be written"):
        evaluate(CASES, assistant, out=tmp_path / "missing" / "a.json")
    with (
        Assistant.open(tmp_path / "empty", model="quotes") as empty,
        pytest.raises(LibraryError, match="no articles yet"),
    ):
        evaluate(CaseSet("mine.jsonl", CASES.cases[3:]), empty)


# Going on


class Stop(BaseException):
    """Stops as Ctrl-C does, without stopping the tests."""


def stop_after(count: int) -> "object":
    def progress(done: int, _: int) -> None:
        if done == count:
            raise Stop

    return progress


def test_an_interrupted_run_goes_on_where_it_was(assistant: Assistant, tmp_path: Path) -> None:
    out, partial = tmp_path / "a.json", tmp_path / "a.json.partial"
    whole = evaluate(CASES, assistant)
    for count in (1, 3):
        with pytest.raises(Stop):
            evaluate(CASES, assistant, out=out, progress=stop_after(count))
        assert len(partial.read_text(encoding="utf-8").splitlines()) == 1 + count
    assert not out.exists()
    kept = partial.read_text(encoding="utf-8").splitlines()[1:]

    result = evaluate(CASES, assistant, out=out)

    assert without_times(result) == without_times(whole)
    assert [case.seconds for case in result.cases[:3]] == [json.loads(line)["seconds"] for line in kept]
    assert not partial.exists()


@pytest.mark.parametrize("cut", [1, 60])
def test_a_line_that_was_cut_off_is_measured_again(assistant: Assistant, tmp_path: Path, cut: int) -> None:
    out, partial = tmp_path / "a.json", tmp_path / "a.json.partial"
    with pytest.raises(Stop):
        evaluate(CASES, assistant, out=out, progress=stop_after(3))
    partial.write_bytes(partial.read_bytes()[:-cut])

    result = evaluate(CASES, assistant, out=out)

    assert without_times(result) == without_times(evaluate(CASES, assistant))


def test_a_run_that_was_killed_goes_on(assistant: Assistant, tmp_path: Path) -> None:
    out, partial = tmp_path / "a.json", tmp_path / "a.json.partial"
    rows = [{"id": case.id, "question": case.question, "unanswerable": True} for case in CASES.cases]
    (tmp_path / "mine.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    script = (
        "import os, sys\nfrom assistant import Assistant\nfrom assistant.evaluation import evaluate, load_cases\n"
        "kill = lambda done, total: done == 2 and os.kill(os.getpid(), 9)\n"
        "with Assistant.open(sys.argv[1], model='quotes') as assistant:\n"
        "    evaluate(load_cases(sys.argv[2]), assistant, out=sys.argv[3], progress=kill)\n"
    )
    cases = tmp_path / "mine.jsonl"
    killed = subprocess.run([sys.executable, "-c", script, assistant.settings.index, cases, out], capture_output=True)
    assert killed.returncode == -9
    assert len(partial.read_text(encoding="utf-8").splitlines()) == 3

    result = evaluate(load_cases(cases), assistant, out=out)

    assert [case.id for case in result.cases] == [case.id for case in CASES.cases]


def test_what_was_begun_with_something_else_is_not_gone_on_with(assistant: Assistant, tmp_path: Path) -> None:
    out, partial = tmp_path / "a.json", tmp_path / "a.json.partial"
    with pytest.raises(Stop):
        evaluate(CASES, assistant, out=out, progress=stop_after(2))
    before = partial.read_bytes()

    with (
        Assistant.open(assistant.settings.index, model="quotes", threshold=0.9) as other,
        pytest.raises(EvaluationError, match=r"was begun with something else \(settings\)"),
    ):
        evaluate(CASES, other, out=out)

    assert partial.read_bytes() == before
    partial.write_text("anything\n", encoding="utf-8")
    with pytest.raises(EvaluationError, match="is nothing that `assistant evaluate` wrote"):
        evaluate(CASES, assistant, out=out)


# Language models


def test_a_language_model_is_measured_with_its_tokens(server: ModelServer, tmp_path: Path, articles: Articles) -> None:
    cases = CaseSet("mine.jsonl", CASES.cases[1:2])
    settings = {"base_url": server.base_url, "price": (1.0, 2.0), "keep_replies": False}
    with Assistant.open(tmp_path / "index", model="openai:small", **settings) as assistant:
        assistant.add(articles)
        server.script = lambda _: Says(["Jack fell down and broke his crown [2]."])
        result = evaluate(cases, assistant)

    assert result.run["model"].startswith("openai:small@127.0.0.1")
    assert result.cases[0].answer
    assert result.metrics["prompt_tokens"] > 0
    assert result.metrics["cost"] > 0
