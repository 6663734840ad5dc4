import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from assistant.errors import EvaluationError
from assistant.evaluation import Case, Evidence, Mention, load_cases

ROOT = Path(__file__).parent.parent

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file: text as it is, a list as JSON Lines, anything else as JSON."""

    def write(name: str, content: Any) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, list) and not name.endswith(".json"):
            content = "".join(json.dumps(row) + "\n" for row in content)
        path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        return path

    return write


def test_our_cases_are_read_with_all_that_they_may_say(write: Write) -> None:
    path = write(
        "mine.jsonl",
        [
            {"question": "What jumps?", "evidence": ["The quick brown fox jumps"], "answers": ["the fox", "a fox"]},
            {"id": "b", "question": "Who fell?", "evidence": [{"article": "jill", "start": 58, "end": 67}]},
            {"question": "Whose lamb?", "evidence": [{"article": "lamb"}, {"article": "lamb", "quote": "Mary"}]},
            {"question": "Who won?", "unanswerable": True},
        ],
    )

    cases = load_cases(path)

    assert (cases.name, cases.articles, cases.is_published) == ("mine.jsonl", (), False)
    fox, fell, lamb, won = cases.cases
    assert fox == Case(
        fox.id, "What jumps?", (Evidence((Mention(quote="The quick brown fox jumps"),)),), ("the fox", "a fox")
    )
    assert (fell.id, fell.evidence[0].mentions) == ("b", (Mention("jill", None, 58, 67),))
    assert [it.mentions[0] for it in lamb.evidence] == [Mention("lamb"), Mention("lamb", "Mary")]
    assert won == Case(won.id, "Who won?", unanswerable=True)
    assert len({case.id for case in cases.cases}) == 4


def test_one_case_alone_is_a_file_of_one_line(write: Write) -> None:
    path = write("one.jsonl", '{"question": "Who won?", "unanswerable": true}')

    assert [case.question for case in load_cases(path).cases] == ["Who won?"]


def test_a_case_keeps_its_id_when_lines_are_moved(write: Write) -> None:
    rows = [{"question": "Who won?", "unanswerable": True}, {"question": "Who lost?", "unanswerable": True}]

    one, other = load_cases(write("one.jsonl", rows)), load_cases(write("other.jsonl", rows[::-1]))

    assert [case.id for case in one.cases] == [case.id for case in other.cases][::-1]
    assert one.content_hash() != other.content_hash()
    assert one.content_hash() == load_cases(write("again.jsonl", rows)).content_hash()


def test_every_mistake_is_told_with_its_line(write: Write) -> None:
    wrong = {
        "{": "is not JSON",
        "[1]": "is no JSON object",
        '{"question": 3}': "has no text as its question",
        '{"question": " ", "unanswerable": true}': "the question is empty",
        '{"question": "a?", "evidenc": []}': "'evidenc' is nothing that a case has",
        '{"question": "b?"}': "give evidence or answers",
        '{"question": "c?", "unanswerable": true, "answers": ["x"]}': "has neither evidence nor answers",
        '{"question": "d?", "unanswerable": 1}': "neither true nor false",
        '{"question": "e?", "answers": "x"}': "answers is no list of texts",
        '{"question": "f?", "evidence": "x"}': "evidence is no list",
        '{"question": "g?", "evidence": [3]}': "a piece of evidence is a quote, or an object",
        '{"question": "h?", "evidence": [{"start": 3, "end": 4}]}': "has neither a quote nor an article",
        '{"question": "i?", "evidence": [{"article": "x", "start": 3}]}': "start and end are given together",
        '{"question": "j?", "evidence": [{"article": "x", "start": 4, "end": 4}]}': "0 <= start < end",
        '{"question": "k?", "evidence": [{"article": "x", "start": true, "end": 4}]}': "whole numbers",
        '{"question": "l?", "evidence": [{"quote": ""}]}': "the quote of a piece of evidence is no text",
        '{"id": "", "question": "m?", "unanswerable": true}': "the id is no text",
    }
    fine = '{"question": "n?", "unanswerable": true}'
    path = write("wrong.jsonl", "\n".join([*wrong, fine, "", fine]))

    with pytest.raises(EvaluationError) as error:
        load_cases(path)

    told = error.value.mistakes
    assert len(told) == len(wrong) + 1
    for number, (line, mistake) in enumerate(zip(told, wrong.values(), strict=False), start=1):
        assert line.startswith(f"{path}, line {number}: ")
        assert mistake in line
        assert "\n" not in line
    assert told[-1].endswith("line 20: line 18 is the same case; give each an id of its own")
    assert str(error.value) == f"{told[0]} (and {len(wrong)} more)"


def test_what_holds_no_cases_says_what_would(write: Write, tmp_path: Path) -> None:
    for path, message in (
        (tmp_path / "missing.jsonl", "can't be read"),
        (write("empty.jsonl", ""), "there is no case in it"),
        (tmp_path, "no cases are in this folder; they are JSON Lines of ours"),
        (write("list.json", [1]), "corpus.json isn't beside it"),
        (write("squad.json", {"data": [{"title": "x"}]}), "is not as SQuAD has it"),
    ):
        with pytest.raises(EvaluationError, match=message):
            load_cases(path)
    (tmp_path / "bytes.jsonl").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(EvaluationError, match="is not UTF-8"):
        load_cases(tmp_path / "bytes.jsonl")


def make_squad(answers: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    second = {"context": "The owl sleeps by day.", "qas": [{"id": "q", "question": "What sleeps?", "answers": answers}]}
    second["qas"][0].update(more)
    return {"version": "x", "data": [{"title": "Night_birds", "paragraphs": [{"context": "É!", "qas": []}, second]}]}


def test_squad_is_read_with_its_articles(write: Write) -> None:
    answers = [{"text": "The owl", "answer_start": 0}, {"text": "owl", "answer_start": 4}]
    answers.append(answers[0])

    cases = load_cases(write("dev-v1.1.json", make_squad(answers)))

    (article,) = cases.articles
    assert (article.title, article.text) == ("Night birds", "É!\n\nThe owl sleeps by day.")
    (case,) = cases.cases
    assert (case.id, case.answers, case.unanswerable) == ("q", ("The owl", "owl"), False)
    (evidence,) = case.evidence  # one piece, of which any mention does
    for mention in evidence.mentions:
        assert article.text[mention.start : mention.end] == mention.quote
    assert len(evidence.mentions) == 2


def test_the_unanswerable_questions_of_squad_2_have_no_evidence(write: Write) -> None:
    cases = load_cases(write("dev-v2.0.json", make_squad([], is_impossible=True, plausible_answers=[{"text": "x"}])))

    assert cases.cases == (Case("q", "What sleeps?", unanswerable=True),)


def test_an_answer_of_squad_that_stands_elsewhere_is_a_mistake(write: Write) -> None:
    with pytest.raises(EvaluationError, match=r"question q: the answer 'owl' doesn't stand at 5"):
        load_cases(write("dev.json", make_squad([{"text": "owl", "answer_start": 5}])))
    with pytest.raises(EvaluationError, match="has no answer, and isn't is_impossible"):
        load_cases(write("dev.json", make_squad([])))


def write_beir(write: Write, qrels: dict[str, str]) -> Path:
    write("birds/corpus.jsonl", [{"_id": "1", "title": "Owls", "text": "They hunt."}, {"_id": "2", "text": "Larks."}])
    path = write("birds/queries.jsonl", [{"_id": "a", "text": "night hunters"}, {"_id": "b", "text": "singers"}])
    for split, rows in qrels.items():
        write(f"birds/qrels/{split}.tsv", f"query-id\tcorpus-id\tscore\n{rows}")
    return path.parent


def test_beir_is_read_with_its_grades(write: Write) -> None:
    folder = write_beir(write, {"test": "a\t1\t2\na\t2\t0\n", "dev": "b\t2\t1\n"})

    cases, dev = load_cases(folder), load_cases(folder / "qrels" / "dev.tsv")

    assert [(article.id, article.title, article.text) for article in cases.articles] == [
        ("1", "Owls", "They hunt."),
        ("2", "2", "Larks."),
    ]
    assert cases.cases == (Case("a", "night hunters", (Evidence((Mention("1"),), 2.0),)),)
    assert [case.question for case in dev.cases] == ["singers"]
    assert (cases.name, dev.name) == ("birds-test", "birds-dev")


@pytest.mark.parametrize(
    ("qrels", "message"),
    [
        ({"test": "a\t9\t1\n"}, "document 9 is not in corpus.jsonl"),
        ({"test": "z\t1\t1\n"}, "query z: is not in queries.jsonl"),
        ({"test": "a\t1\tmuch\n"}, r"test.tsv, line 2: has no query-id, corpus-id and score"),
        ({"one": "a\t1\t1\n", "two": "a\t1\t1\n"}, "name one of the files in its qrels/"),
    ],
)
def test_a_mistake_in_beir_is_told(write: Write, qrels: dict[str, str], message: str) -> None:
    with pytest.raises(EvaluationError, match=message):
        load_cases(write_beir(write, qrels))


def test_multihop_rag_is_read_with_its_articles(write: Write) -> None:
    url = "https://forest-courier.example/fox"
    article = {"title": "Fox", "body": "A fox ran.", "source": "Forest Courier", "url": url, "author": "Rey Nard"}
    write("rag/corpus.json", [{**article, "category": "x", "published_at": "2023-10-01T14:00:29+00:00"}])
    fact = {"url": url, "fact": "A fox ran.", "title": "Fox"}
    rows = [
        {"query": "Who ran?", "answer": "Fox", "question_type": "inference_query", "evidence_list": [fact, fact]},
        {"query": "Who sat?", "answer": "Insufficient information.", "question_type": "null_query"},
    ]
    rows[1]["evidence_list"] = []

    for cases in (
        load_cases(write("rag/MultiHopRAG.json", rows)),
        load_cases(write("rag/MultiHopRAG.json", rows).parent),
    ):
        (fox,) = cases.articles
        assert (fox.id, fox.outlet, fox.published) == (
            url,
            "Forest Courier",
            datetime(2023, 10, 1, 14, 0, 29, tzinfo=UTC),
        )
        ran, sat = cases.cases
        assert (ran.answers, ran.evidence) == (("Fox",), (Evidence((Mention(url, "A fox ran."),)),))
        assert (sat.unanswerable, sat.answers, sat.evidence) == (True, (), ())
        assert cases.is_published

    rows[0]["evidence_list"] = [{"url": "https://elsewhere.example", "fact": "x"}]
    with pytest.raises(EvaluationError, match=r"question 1: https://elsewhere.example is not in corpus.json"):
        load_cases(write("rag/MultiHopRAG.json", rows))


def test_the_cases_of_the_sample_articles_are_enough_to_measure_with() -> None:
    cases = load_cases(ROOT / "notebooks" / "cases.jsonl").cases

    assert len(cases) >= 60
    assert sum(case.unanswerable for case in cases) >= 15
