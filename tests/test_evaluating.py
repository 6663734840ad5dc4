"""Evaluating and comparing on the command line, from one's own articles to a decision."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from model_server import ModelServer, Says

from assistant.cli import main

ARTICLE = """---
title: Bridge reopens
outlet: Vale Observer
published: 2025-04-01
---

The old bridge at Alder reopened on Monday after repairs that cost £2.4m. Mayor Ana Ruiz cut the ribbon.
"""
CASES = [
    {"question": "How much did the repairs of the bridge cost?", "evidence": ["repairs that cost £2.4m"]},
    {
        "question": "Who cut the ribbon?",
        "evidence": [{"article": "bridge.md", "quote": "Ana Ruiz"}],
        "answers": ["Ruiz"],
    },
    {"question": "Who won the Champions League final?", "unanswerable": True},
]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command line in a folder with an article and cases: status, standard output, standard error."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))
    Path("bridge.md").write_text(ARTICLE, encoding="utf-8")
    Path("cases.jsonl").write_text("".join(f"{json.dumps(case)}\n" for case in CASES), encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return run


def test_from_articles_to_a_decision(run: Run) -> None:
    assert run("index", "bridge.md")[0] == 0

    status, out, err = run("evaluate", "cases.jsonl", "--out", "a.json")
    assert status == 0
    assert "3 cases of cases.jsonl, 1 article, quotes" in out
    assert "citations_exact" in out
    assert "nothing leaves this machine" in err
    status, out, _ = run("evaluate", "cases.jsonl", "--threshold", "1", "--out", "b.json", "--json")
    written = json.loads(out)
    assert (status, written["run"]["settings"]["threshold"]) == (0, 1.0)
    assert written == json.loads(Path("b.json").read_text(encoding="utf-8"))
    assert written["metrics"]["answered"] == 0

    status, out, _ = run("compare", "a.json", "b.json", "--metric", "right", "--metric", "answered")
    assert status == 0
    assert "settings.threshold: 0.5 → 1.0\n" in out
    assert "can't tell" in out
    status, out, _ = run("compare", "a.json", "b.json", "--metric", "answered", "--gate", "answered>=-0.01")
    assert status == 1
    assert "Gate answered>=-0.01 FAILED: the change for the better is -1." in out
    status, out, _ = run("compare", "b.json", "a.json", "--metric", "answered", "--gate", "answered>=0", "--json")
    compared = json.loads(out)
    assert status == 0
    assert compared["gates"][0]["passed"] is True
    assert {"metric", "change", "low", "high", "p", "verdict", "more_cases"} <= compared["differences"][0].keys()


def test_articles_that_are_named_are_asked_alone(run: Run, tmp_path: Path) -> None:
    for _ in range(2):
        status, out, err = run("evaluate", "cases.jsonl", "--articles", "bridge.md", "--search-only", "--limit", "2")
        assert status == 0
        assert "2 cases of cases.jsonl, 1 article" in out
    assert "1 unchanged" in err
    assert not (tmp_path / "index").exists()


def test_an_index_that_is_named_keeps_what_it_holds(run: Run, tmp_path: Path) -> None:
    (tmp_path / "news").mkdir()
    for name in ("bridge.md", "tunnel.md"):
        (tmp_path / "news" / name).write_text(ARTICLE.replace("bridge", name[:-3]), encoding="utf-8")
    arguments = ("evaluate", "cases.jsonl", "--articles", "news", "--search-only", "--limit", "1")

    assert "2 articles" in run(*arguments)[1]
    assert "2 articles" in run(*arguments, "--index", "kept")[1]
    (tmp_path / "news" / "tunnel.md").unlink()

    assert "1 article" in run(*arguments)[1]
    assert "2 articles" in run(*arguments, "--index", "kept")[1]


def test_a_public_set_brings_its_articles(run: Run) -> None:
    context = "The owl sleeps by day. At night it hunts mice in the old barn."
    answers = [{"text": "mice", "answer_start": context.index("mice")}]
    question = {"id": "q", "question": "What does the owl hunt in the barn?", "answers": answers}
    squad = {"data": [{"title": "Owls", "paragraphs": [{"context": context, "qas": [question]}]}]}
    Path("dev.json").write_text(json.dumps(squad), encoding="utf-8")

    status, out, _ = run("evaluate", "dev.json", "--json")

    result = json.loads(out)
    assert status == 0
    assert result["metrics"]["hit@1"] == result["metrics"]["answer_held"] == 1


def test_a_judge_is_asked_where_one_is_named(run: Run, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    server.script = lambda _: Says(["yes"])
    rows = [{"statement": "It reopened.", "evidence": ["It reopened."], "supported": it} for it in (True, False)]
    Path("labelled.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    run("index", "bridge.md")
    arguments = ("evaluate", "cases.jsonl", "--model", "quotes", "--judge", "openai:judge")

    status, out, err = run(*arguments, "--judge-sample", "labelled.jsonl", "--out", "a.json")

    assert status == 0
    assert "judged_supported" in out
    assert "Of 2 statements of labelled.jsonl, it says what people said of 0.500" in out
    assert "Judged by openai:judge; answers and quotes are sent to 127.0.0.1" in err
    status, _, err = run("evaluate", "cases.jsonl", "--judge-sample", "labelled.jsonl")
    assert status == 2
    assert "name it with --judge MODEL" in err
    status, out, _ = run("compare", "a.json", "a.json", "--metric", "judged_supported")
    assert status == 0
    assert "no case differs" in out


def test_cases_are_made_of_articles_only(run: Run) -> None:
    status, out, err = run("cases", "mine.jsonl")

    assert (status, out) == (2, "")
    assert "no articles yet to make cases of; add some with `assistant index SOURCE`" in err
    assert not Path("mine.jsonl").exists()


def test_every_mistake_in_the_cases_is_a_line(run: Run) -> None:
    Path("wrong.jsonl").write_text('{"question": ""}\n{"x": 1}\n[]\n', encoding="utf-8")

    status, out, err = run("evaluate", "wrong.jsonl")

    assert (status, out) == (2, "")
    first, second, third = err.splitlines()
    assert first == 'assistant: wrong.jsonl, line 1: give evidence or answers, or "unanswerable": true (and 2 more)'
    assert second.startswith("assistant: wrong.jsonl, line 2: 'x' is nothing that a case has")
    assert third == "assistant: wrong.jsonl, line 3: is no JSON object"


def test_what_cannot_be_done_is_one_line(run: Run) -> None:
    run("index", "bridge.md")
    for arguments, message in (
        (["compare", "a.json", "b.json"], "a.json: can't be read"),
        (["compare", "cases.jsonl", "cases.jsonl"], "is no result of `assistant evaluate`"),
        (["compare", "a.json", "b.json", "--gate", "right"], "gate 'right' isn't written as right>=-0.01"),
        (["evaluate", "cases.jsonl", "--out", "cases.jsonl"], "cases.jsonl: is there already"),
        (["evaluate", "missing.jsonl"], "missing.jsonl: can't be read"),
    ):
        status, out, err = run(*arguments)
        assert (status, out) == (2, "")
        assert message in err.splitlines()[-1]


def test_an_interrupted_run_says_that_the_same_command_goes_on(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from assistant.front import Assistant

    run("index", "bridge.md")
    ask = Assistant.ask

    def ask_and_be_stopped(self: Assistant, question: str) -> object:
        if question == CASES[1]["question"]:
            raise KeyboardInterrupt
        return ask(self, question)

    with monkeypatch.context() as patch:
        patch.setattr(Assistant, "ask", ask_and_be_stopped)
        status, _, err = run("evaluate", "cases.jsonl", "--out", "a.json")
    assert status == 130
    assert "interrupted; what was measured is kept, and the same command goes on from there" in err
    assert Path("a.json.partial").is_file()

    assert run("evaluate", "cases.jsonl", "--out", "a.json")[0] == 0
    assert not Path("a.json.partial").exists()
