import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from model_server import Fails, ModelServer, Says

from assistant.cli import main
from assistant.errors import EvaluationError, ModelError
from assistant.evaluation import load_cases
from assistant.evaluation.locating import locate_evidence
from assistant.evaluation.suggesting import (
    MAX_PART_CHARACTERS,
    Review,
    Suggestion,
    ask_of,
    review_cases,
    shorten_ids,
    suggest_cases,
    suggest_with_model,
)
from assistant.models import ChatModel, open_chat_model
from assistant.reading import list_files, read_article
from assistant.types import Article

ROOT = Path(__file__).parent.parent
ARTICLES = [read_article(file) for file in list_files(ROOT / "articles") if isinstance(file, Path)]


@pytest.mark.parametrize(
    ("sentence", "question"),
    [
        ("Mayor Ana Ruiz cut the ribbon on Monday in Alder.", "Who or what cut the ribbon on Monday in Alder?"),
        ("The new berth will cost the council £84m in all.", "Who or what will cost the council £84m in all?"),
        ("She cut the ribbon on Monday in front of 300 people.", None),  # who she is stands elsewhere
        ("“We cut the ribbon in Alder,” said Mayor Ana Ruiz.", None),
        ("Mayor Ana Ruiz did not cut the ribbon on Monday.", None),
        ("The mayor cut the ribbon in front of the people.", None),  # it could be any mayor's
        ("Ana Ruiz cut it.", None),
        ("The players of the club chose her in a ballot on Monday.", None),
        ("The flood that hit Alder in February did more harm than was said.", None),
        ("The families affected have been moved to hotels in Alder.", None),
        ("Russia is to hand over another 23 badly wounded soldiers on Monday.", None),
        ("A badly sealed trench in Alder let water into 12 cellars.", None),
        ("The mayor will cut the ribbon again soon.", None),
        ("After 300 people had come, Mayor Ana Ruiz cut the ribbon.", None),
    ],
)
def test_a_sentence_that_says_who_did_what_is_asked_of(sentence: str, question: str | None) -> None:
    assert ask_of(sentence) == question


def test_suggestions_take_the_articles_in_turn_and_are_cases() -> None:
    suggestions = list(suggest_cases(ARTICLES))

    assert len(suggestions) > 2 * len(ARTICLES)
    assert len({each.article for each in suggestions[: len(ARTICLES)]}) == len(ARTICLES)
    assert suggestions == list(suggest_cases(ARTICLES)) != list(suggest_cases(ARTICLES, seed=1))
    texts = {article.title: article.text for article in ARTICLES}
    assert all(each.quote in texts[each.title] for each in suggestions)


# With a model


ARTICLE = Article(
    "news/bridge.md",
    "Bridge reopens",
    "The old bridge at Alder reopened on Monday.\nRepairs  cost £2.4m [3], and Mayor Ana Ruiz cut the ribbon.",
)


@pytest.fixture
def model(server: ModelServer) -> Iterator[ChatModel]:
    model = open_chat_model("openai:writer", base_url=server.base_url)
    yield model
    model.close()


def test_what_a_model_suggests_is_quoted_from_the_article_or_dropped(server: ModelServer, model: ChatModel) -> None:
    dropped: list[str] = []
    server.says(
        "<think>Q: What?\nE: Repairs</think>Here they are:\n\n"
        "Q: What did the repairs of the bridge at Alder cost?\nE: “Repairs cost £2.4m”\n"
        "**Q:** Who cut the ribbon?\n**E:** Mayor Ana Ruiz cut the ribbon.\n"
        "Q: When did it reopen?\nE: on Tuesday\n"
        "Q: Tell me more\nE: on Monday\n"
        "E: on Monday\n"
        f"Q: {'long ' * 100}?\nE: on Monday\n"
        "Q: And then?"
    )

    suggestions = list(suggest_with_model([ARTICLE], model, drop=dropped.append))

    assert [(each.question, each.quote) for each in suggestions] == [
        ("What did the repairs of the bridge at Alder cost?", "Repairs  cost £2.4m"),
        ("Who cut the ribbon?", "Mayor Ana Ruiz cut the ribbon."),
    ]
    assert {each.article for each in suggestions} == {"bridge.md"}
    assert [each.partition("?")[0] for each in dropped] == [
        "When did it reopen",
        "Tell me more on Monday",
        "long " * 100,
    ]
    (asked,) = server.prompts
    fence, first, second, end = asked.splitlines()[:4]
    assert (fence, first) == (end, "The old bridge at Alder reopened on Monday.")
    assert second == "Repairs cost £2.4m (3), and Mayor Ana Ruiz cut the ribbon."


def test_a_model_is_asked_of_an_article_when_that_is_needed_and_shown_a_part_of_a_long_one(
    server: ModelServer, model: ChatModel
) -> None:
    texts = [f"Town {n} voted. " + "The council sat on Monday. " * 400 for n in range(3)]
    articles = [Article(f"{n}.md", "Town", text) for n, text in enumerate(texts)]
    server.script = lambda _: Says(["Q: Who sat on Monday?\nE: The council sat on Monday."])

    suggestions = suggest_with_model(articles, model, seed=2)
    first = next(suggestions)
    assert len(server.requests) == 1
    rest = list(suggestions)

    assert len(server.requests) == 3
    assert {each.article for each in (first, *rest)} == {"0.md", "1.md", "2.md"}
    assert all(len(prompt) < MAX_PART_CHARACTERS + 500 for prompt in server.prompts)
    again = list(suggest_with_model(articles, model, seed=2))
    assert again == [first, *rest]


def test_a_model_that_fails_is_an_error(server: ModelServer, model: ChatModel) -> None:
    server.queue = [Fails(401)]

    with pytest.raises(ModelError):
        next(suggest_with_model([ARTICLE], model))


def test_the_command_asks_a_model_where_one_is_named(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    Path("bridge.md").write_text(ARTICLE.text, encoding="utf-8")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    run("index", "bridge.md")
    server.says("Q: Who cut the ribbon?\nE: Mayor Ana Ruiz\nQ: What of the tunnel?\nE: The tunnel is closed.")
    status, out, err = run("cases", "mine.jsonl", "--model", "openai:writer", "--json")

    assert status == 0
    assert [json.loads(line)["quote"] for line in out.splitlines()] == ["Mayor Ana Ruiz"]
    assert "Suggested by openai:writer; parts of articles are sent to 127.0.0.1" in err
    assert "Dropped: 1 suggestion" in err
    run("cases", "mine.jsonl", "--json")
    run("cases", "mine.jsonl", "--model", "quotes", "--json")
    assert len(server.requests) == 1  # by rule, unless a model is named


def test_an_article_is_named_by_as_little_as_tells_it_from_others() -> None:
    ids = ["https://a.example/2025/vote", "https://b.example/2025/vote", "file:///home/me/news/flood.md", "lone"]

    assert shorten_ids(ids) == ["a.example/2025/vote", "b.example/2025/vote", "flood.md", "lone"]


def decide(path: Path, *decisions: str, limit: int = 30) -> tuple[int, list[Suggestion]]:
    """Decide of the suggestions, and say how many were kept and which were shown."""
    lines, shown = iter(decisions), []

    def ask(_: str) -> str:
        try:
            return next(lines)
        except StopIteration:
            raise EOFError from None

    return review_cases(suggest_cases(ARTICLES), Review(path), show=shown.append, ask=ask, limit=limit), shown


def test_what_is_kept_is_a_case_and_nothing_decided_is_shown_again(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"

    kept, first = decide(path, "", "d", "Which one is it?", "q")
    assert (kept, len(first)) == (2, 4)
    again, second = decide(path, "", limit=1)
    assert (again, second) == (1, [first[3]])  # the one that nothing was decided of

    cases = load_cases(path)
    assert [case.question for case in cases.cases] == [first[0].question, "Which one is it?", first[3].question]
    texts = {article.id: article.text for article in ARTICLES}
    assert locate_evidence(cases, ids=list(texts), text_of=texts.__getitem__).unlocated == 0
    assert decide(path)[1][0].quote not in {each.quote for each in first}


def test_cases_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"question": "Who won?", "unanswerable": true}', encoding="utf-8")  # with no line end

    decide(path, "", "q")

    assert next(case.question for case in load_cases(path).cases) == "Who won?"
    assert len(load_cases(path).cases) == 2
    (tmp_path / "bytes").write_bytes(b"\xff")
    with pytest.raises(EvaluationError, match="can't be read"):
        Review(tmp_path / "bytes")
    with pytest.raises(EvaluationError, match="can't be written"):
        decide(tmp_path / "missing" / "mine.jsonl", "")


def test_the_command_asks_and_adds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ASSISTANT_INDEX", str(tmp_path / "index"))
    text = "Mayor Ana Ruiz cut the ribbon on Monday in \x1b[31mAlder. Repairs of the bridge cost Vale County £2.4m."
    Path("bridge.md").write_text(text, encoding="utf-8")

    def run(*arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", *arguments])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        with pytest.raises(SystemExit) as stopped:
            main()
        return int(stopped.value.code or 0), capsys.readouterr().out

    run("index", "bridge.md")
    status, out = run("cases", "mine.jsonl", "--json")
    suggested = [json.loads(line) for line in out.splitlines()]
    assert status == 0
    assert {each["article"] for each in suggested} == {"bridge.md"}

    status, out = run("cases", "mine.jsonl", typed="Who cut the ribbon?\n")
    assert status == 0
    assert "\x1b" not in out
    assert "1 case was added to mine.jsonl.\n" in out
    assert load_cases("mine.jsonl").cases[0].question == "Who cut the ribbon?"
    assert run("cases", "mine.jsonl", typed="q\n")[0] == 1
