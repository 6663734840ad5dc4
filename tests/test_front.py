"""The whole way, with the real model, real SQLite and real Chroma."""

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from model_server import ModelServer, Says
from web_server import Page, serve_web

from assistant import (
    Answer,
    Article,
    ArticleError,
    ArticleHash,
    Assistant,
    LibraryError,
    LibraryMismatchError,
    SettingsError,
)
from assistant.answers import answer_to_json
from assistant.prompts import identify_prompts
from assistant.schema import hash_article

ROOT = Path(__file__).parent.parent
# Questions whose answer changed from one sample article to a later one: what is quoted from each.
CHANGES = [
    json.loads(line) for line in (ROOT / "tests/fixtures/changes.jsonl").read_text(encoding="utf-8").splitlines()
]
CONDITIONS = "What are Putin's conditions?"


@pytest.fixture(scope="module", params=["local", "shared"])
def assistant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    chroma = request.getfixturevalue("chroma").url if request.param == "shared" else None
    with Assistant.open(tmp_path_factory.mktemp("front") / "index", chroma=chroma) as opened:
        report = opened.add(ROOT / "articles")
        assert not report.failed
        yield opened


def assert_exact(assistant: Assistant, answer: Answer) -> None:
    for citation in answer.citations:
        text = assistant.article(citation.article.id).text
        assert text[citation.start : citation.end] == citation.quote
        assert 0 <= citation.context_start <= citation.start
    cited = sorted((citation for statement in answer.statements for citation in statement.citations), key=_number)
    assert cited == list(answer.citations)
    assert [citation.number for citation in answer.citations] == list(range(1, len(answer.citations) + 1))
    assert all(statement.text and statement.citations for statement in answer.statements)


def _number(citation) -> int:
    return citation.number


def test_the_conditions_are_quoted_from_a_sentence_that_begins_with_a_pronoun(assistant: Assistant) -> None:
    answer = assistant.ask(CONDITIONS, until="2025-03-16")

    quoted = [citation for citation in answer.citations if "NATO" in citation.quote]
    assert "the whole of the four regions" in quoted[0].quote
    assert "a ceiling on the size" in quoted[0].quote
    text = assistant.article(quoted[0].article.id).text
    assert "Putin" in text[quoted[0].context_start : quoted[0].start]
    assert_exact(assistant, answer)


def test_an_answer_is_at_most_three_quotes_in_reading_order(assistant: Assistant) -> None:
    answer = assistant.ask("How much will the repairs after the flood cost?")

    assert not answer.abstained
    assert 1 <= len(answer.statements) <= 3
    assert answer.model == "quotes"
    assert 0 <= answer.confidence <= 1
    by_article: dict[str, list[int]] = {}
    for statement in answer.statements:
        by_article.setdefault(statement.citations[0].article.id, []).append(statement.citations[0].start)
    assert all(starts == sorted(starts) for starts in by_article.values())
    assert_exact(assistant, answer)


@pytest.mark.parametrize(
    "question", ["What is the price of Brent crude?", "Who won the Champions League final?", "x", "?!", "the of and"]
)
def test_it_abstains_and_shows_the_nearest_passages(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)

    assert answer.abstained
    assert answer.statements == ()
    assert answer.citations == ()
    assert answer.confidence < 0.5
    assert answer.text


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(str.strip))
def test_any_question_gets_exact_quotes_or_none(assistant: Assistant, question: str) -> None:
    answer = assistant.ask(question)

    assert answer.abstained == (not answer.citations)
    assert_exact(assistant, answer)


@pytest.mark.parametrize("question", ["", "  \n", "a" * 100_000])
def test_a_question_that_is_none_is_refused(assistant: Assistant, question: str) -> None:
    with pytest.raises(SettingsError, match="question"):
        assistant.ask(question)
    with pytest.raises(SettingsError, match="question"):
        assistant.search(question)


def test_search_ranks_passages_and_keeps_to_its_limit(assistant: Assistant) -> None:
    found = assistant.search("flood damage to homes on the river", limit=4)

    assert len(found) == 4
    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert "flood" in found[0].passage.text.lower()
    text = assistant.article(found[0].passage.article_id).text
    assert text[found[0].passage.start : found[0].passage.end] == found[0].passage.text


def test_search_finds_by_title_outlet_and_date(assistant: Assistant) -> None:
    found = assistant.search("What did the Vale Observer report on 22 March 2025?", limit=1)

    assert found[0].article.outlet == "Vale Observer"
    assert found[0].article.published is not None
    assert found[0].article.published.date() == date(2025, 3, 22)


@pytest.mark.parametrize("until", ["2025-03-15", date(2025, 3, 15), datetime(2025, 3, 15, 23, 59, tzinfo=UTC)])
def test_filters_are_days_and_both_ends_count(assistant: Assistant, until: object) -> None:
    found = assistant.search("ceasefire", limit=50, outlet="harbour courier", since="2025-03-15", until=until)

    assert {each.article.id for each in found} == {"https://harbour-courier.example/2025/03/15/leaders-call"}


def test_a_filter_that_is_no_date_is_refused(assistant: Assistant) -> None:
    with pytest.raises(SettingsError, match="2025-03-15"):
        assistant.search("ceasefire", since="last Tuesday")


def test_filters_that_leave_nothing_make_it_abstain(assistant: Assistant) -> None:
    assert assistant.search(CONDITIONS, outlet="No Such Outlet") == []
    assert assistant.ask(CONDITIONS, outlet="No Such Outlet").abstained


def test_an_answer_says_how_words_for_time_were_read(assistant: Assistant) -> None:
    answer = assistant.ask("As of 20 March, how much will the flood repairs in Ardenbridge cost?")

    assert answer.question.startswith("As of 20 March")
    assert "£12 million" in answer.citations[0].quote
    assert [each.until for each in answer.understood] == [date(2025, 3, 20)]
    assert assistant.understand("What will the repairs cost?") == ()


def test_what_this_week_does_not_answer_all_articles_do(assistant: Assistant) -> None:
    answer = assistant.ask("Who was named chief conductor of the Vale Philharmonic this week?")

    assert "Ingrid Solheim" in answer.text
    assert answer.understood[0].text.endswith("so all articles were asked")
    assert not answer.understood[0].is_filter


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["question"])
def test_the_newest_article_answers_first_and_the_older_with_its_day(
    assistant: Assistant, change: dict[str, str]
) -> None:
    first, *others = assistant.ask(change["question"]).citations

    assert change["after"] in first.quote
    (older, *_) = [citation for citation in others if change["before"] in citation.quote]
    assert older.article.published < first.article.published


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change["question"])
def test_what_was_known_on_a_day_is_answered_as_of_it(assistant: Assistant, change: dict[str, str]) -> None:
    answer = assistant.ask(change["question"], until=change["until"])

    assert change["before"] in answer.citations[0].quote
    assert change["after"] not in answer.text
    assert {citation.article.published.date().isoformat() <= change["until"] for citation in answer.citations} == {True}


def test_a_changed_article_answers_with_its_new_text_only(tmp_path: Path) -> None:
    before = Article("a", "Bridge", "The old bridge was painted green. Its toll is four marks. Nobody likes it.")
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add(before)
        assistant.add(replace(before, text="The old bridge was painted red."))

        answer = assistant.ask("What colour was the old bridge painted?")

        assert [citation.quote for citation in answer.citations] == ["The old bridge was painted red."]
        assert all("toll" not in each.passage.text for each in assistant.search("toll marks"))


def test_a_page_is_named_by_the_address_that_was_given(tmp_path: Path) -> None:
    page = "---\nurl: {}\ntitle: Fog\n---\nFog lay over the bay of Vela on Monday morning."
    (tmp_path / "fog.md").write_text(page.format("http://127.0.0.1:8977/away"), encoding="utf-8")
    html = f"<article><h1>Rain at last</h1>{'<p>It rained in Vela on Monday, and nobody had seen it come.</p>' * 4}"
    with serve_web() as server, Assistant.open(tmp_path / "index") as assistant:
        server.answers["/rain"] = Page(html.encode())
        assistant.add([server.url("/rain?utm_source=feed"), tmp_path / "fog.md"], allow_private=True)
        rain, fog = (ref.id for ref in assistant.articles())

        assert rain == server.url("/rain", scheme="https")
        for address in (rain, server.url("/rain"), server.url("/rain?utm_source=x#top").replace("http", "HTTP")):
            assert assistant.article(address).id == assistant.history_of(address)[0].article.id == rain
        assert assistant.article("https://127.0.0.1:8977/away").id == fog
        with pytest.raises(ArticleError, match="no article has the id"):
            assistant.history_of("http://127.0.0.1:1/")
        assert assistant.remove(server.url("/rain"), rain, fog) == [rain, fog]
        assert assistant.articles() == []


def test_several_articles_are_removed_at_once_or_none(tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([Article(id, id.upper(), f"The {id} is long.") for id in "abc"])

        with pytest.raises(ArticleError, match="no article has the id 'd'"):
            assistant.remove("a", "d")
        assert len(assistant.articles()) == 3

        assistant.remove("a", "c")
        assert [ref.id for ref in assistant.articles()] == ["b"]


def test_a_removal_says_when_a_reader_delays_it_and_the_same_call_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.library.ERASE_SECONDS", 0.1)

    def is_forgotten() -> bool:
        files = [file for file in (tmp_path / "index").rglob("*") if file.is_file()]
        return not any(b"Zwqxyvania" in file.read_bytes() for file in files)

    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([Article("a", "A", "Zwqxyvania is far."), Article("b", "B", "The river is long.")])
        with assistant._library.snapshot() as reader:
            assert reader.passage_count == 2
            with pytest.raises(LibraryError, match="still holds its bytes"):
                assistant.remove("a")
        assert [ref.id for ref in assistant.articles()] == ["b"]
        assert not is_forgotten()

        with pytest.raises(ArticleError, match="no article has the id 'a'"):
            assistant.remove("a")

        assert is_forgotten()


def test_what_is_exported_is_imported_elsewhere(tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([Article("a", "A", "The mayor is Ana Ruiz."), Article("b", "B", "The river is long.")])
        assert assistant.export(tmp_path / "all.jsonl").articles == 2
    with Assistant.open(tmp_path / "other") as other:
        assert other.import_file(tmp_path / "all.jsonl").added == ("a", "b")
        assert other.ask("Who is the mayor?").citations[0].quote == "The mayor is Ana Ruiz."


def test_a_removed_article_is_gone(tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([Article("a", "A", "The mayor is Ana Ruiz."), Article("b", "B", "The river is long.")])

        assistant.remove("a")

        assert [ref.id for ref in assistant.articles()] == ["b"]
        with pytest.raises(ArticleError, match="no article"):
            assistant.article("a")
        with pytest.raises(ArticleError, match="no article"):
            assistant.remove("a")
        assert all(each.article.id == "b" for each in assistant.search("mayor"))


def test_an_empty_index_says_how_to_fill_it(tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index") as assistant, pytest.raises(LibraryError, match="assistant index"):
        assistant.ask("Anything?")
    assert not (tmp_path / "index").exists()


def test_an_index_of_another_embedding_model_is_refused(tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add(Article("a", "A", "The mayor is Ana Ruiz."))

    with (
        Assistant.open(tmp_path / "index", embedding_model="openai:other") as assistant,
        pytest.raises(LibraryMismatchError, match="all-MiniLM-L6-v2"),
    ):
        assistant.ask("Who is the mayor?")


def test_it_can_be_opened_again_and_closed_twice(tmp_path: Path) -> None:
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add(Article("a", "A", "The mayor is Ana Ruiz."))
        first = assistant.ask("Who is the mayor?")

    reopened = Assistant.open(tmp_path / "index")
    second = reopened.ask("Who is the mayor?")
    reopened.close()
    reopened.close()

    assert replace(first, seconds=0) == replace(second, seconds=0)
    with pytest.raises(LibraryError, match="closed"):
        reopened.ask("Who is the mayor?")


def test_threads_get_the_same_answers(assistant: Assistant) -> None:
    expected = replace(assistant.ask(CONDITIONS), seconds=0)
    answers: list[Answer] = []

    threads = [threading.Thread(target=lambda: answers.append(assistant.ask(CONDITIONS))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert [replace(answer, seconds=0) for answer in answers] == [expected] * 8


def test_a_wrong_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="unknown setting 'colour'"):
        Assistant.open(tmp_path, colour="red")
    with pytest.raises(SettingsError, match="unknown model"):
        Assistant.open(tmp_path, model="gpt-99")


def test_verify_tells_a_supported_statement_from_another(tmp_path: Path) -> None:
    evidence = ["The council approved an £84m berth on Tuesday by nine votes to six. The mayor abstained."]
    with Assistant.open(tmp_path / "index") as assistant:
        right = assistant.verify("The council approved a berth for £84m by nine votes to six.", evidence)
        wrong = assistant.verify("The council approved a berth for £97m.", evidence)
        none = assistant.verify("Bananas are yellow.", [])

    assert right.supported
    assert not wrong.supported
    assert any("97" in reason for reason in wrong.reasons)
    assert not none.supported
    assert none.score == 0


@pytest.mark.parametrize("question", [None, 5, b"x"])
def test_a_question_of_another_type_is_refused(assistant: Assistant, question: Any) -> None:
    with pytest.raises(SettingsError, match="text"):
        assistant.ask(question)


@pytest.mark.parametrize("limit", [0, -1, None, "x", 2.5, 10**30])
def test_a_limit_that_is_none_is_refused(assistant: Assistant, limit: Any) -> None:
    with pytest.raises(SettingsError, match="limit"):
        assistant.search("flood", limit)


@pytest.mark.parametrize("source", [None, 5, b"x", [None]])
def test_a_source_of_another_type_is_a_failure(assistant: Assistant, source: Any) -> None:
    assert len(assistant.add(source).failed) == 1


@pytest.mark.parametrize(
    "wrong", [{"id": 5}, {"title": None}, {"text": b"x"}, {"published": "2025-01-01"}, {"outlet": 5}, {"url": ["x"]}]
)
def test_an_article_with_a_field_of_another_type_is_a_failure(assistant: Assistant, wrong: dict[str, Any]) -> None:
    article = replace(Article("a", "A", "The mayor is Ana Ruiz."), **wrong)

    report = assistant.add([article])

    assert len(report.failed) == 1
    assert report.added == ()


def test_evidence_may_be_one_text(assistant: Assistant) -> None:
    assert assistant.verify("The mayor is Ana Ruiz.", "The mayor is Ana Ruiz.").supported
    with pytest.raises(SettingsError, match="text"):
        assistant.verify("The mayor is Ana Ruiz.", [None])  # type: ignore[list-item]


def test_weights_that_are_missing_are_said_once(tmp_path: Path) -> None:
    index = tmp_path / "index"
    with Assistant.open(index) as assistant:
        assistant.add(Article("a", "A", "The mayor is Ana Ruiz."))
    script = (
        "import sys; from assistant import Assistant, ModelError\n"
        "import assistant.embedding as embedding; embedding.WEIGHTS_PACKAGE = 'no_such_package'\n"
        "try: Assistant.open(sys.argv[1]).ask('Who is the mayor?')\n"
        "except ModelError as error: print(error)"
    )

    result = subprocess.run([sys.executable, "-c", script, str(index)], capture_output=True, text=True)

    assert "pip install" in result.stdout
    assert result.stderr == ""


# What was known, and copies


def test_an_article_is_known_as_it_was_on_a_day(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add(Article("storm", "Storm", "Two people died in the storm."))
        assistant.add(Article("storm", "Storm", "Three people died in the storm."))

        past, present = assistant.history_of("storm")
        assert past.until == present.since
        assert present.until is None
        assert assistant.article("storm", on=past.since).text == "Two people died in the storm."
        assert assistant.article("storm", on=today + timedelta(days=2)) == assistant.article("storm") == present.article
        with pytest.raises(ArticleError, match="wasn't known yet then, but since"):
            assistant.article("storm", on="2001-01-01")
        with pytest.raises(ArticleError, match="no article has the id 'rain'"):
            assistant.history_of("rain")
        answer = assistant.ask("How many people died in the storm?")
        assert [citation.quote for citation in answer.citations] == ["Three people died in the storm."]


def test_a_quote_is_shown_in_its_passage_also_when_its_article_has_changed(tmp_path: Path) -> None:
    text = "A storm came at night. Two people died in it.\n\nThe harbour was closed until Monday."
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add(Article("storm", "Storm", text))
        citation = assistant.ask("How many people died in the storm?").citations[0]
        passage = assistant.passage_of(citation)

        assert passage is not None
        assert (passage.before, passage.after) == (text[: citation.start], text[citation.end :])
        assert passage.quote == citation.quote
        assistant.add(Article("storm", "Storm", f"Corrected. {text.replace('Two', 'Three')}"))
        assert assistant.passage_of(citation) == passage
        assert assistant.passage_of(replace(citation, start=citation.start + 1)) is None
        assistant.remove("storm")
        assert assistant.passage_of(citation) is None


def test_a_source_is_forgotten_with_the_articles_that_no_other_holds(tmp_path: Path) -> None:
    for name, text in (("a/one.md", "One fox slept."), ("b/two.md", "Two dogs ran."), ("a/three.md", "It rained.")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    shared = "---\nurl: https://courier.example/shared\n---\nIt snowed."
    for name in ("a/shared.md", "b/shared.md"):
        (tmp_path / name).write_text(shared, encoding="utf-8")
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([tmp_path / "a", tmp_path / "b"])
        shutil.rmtree(tmp_path / "a")

        with pytest.raises(ArticleError, match=r"was never added as a source; there are file://.*/a, file://.*/b$"):
            assistant.forget_source(tmp_path / "c")
        removed = assistant.forget_source(tmp_path / "a")

        assert [Path(id).name for id in removed] == ["one.md", "three.md"]
        left = ["two.md", "shared"]
        assert sorted(Path(article.id).name for article in assistant.articles()) == sorted(left)
        assert assistant.sources() == [(tmp_path / "b").as_uri()]
        assert assistant.update().failed == ()


def test_all_of_an_outlet_is_forgotten_and_nothing_of_its_copies(tmp_path: Path) -> None:
    text = (
        "The ferry to Alder sank on Monday. Nobody was hurt, for it lay empty at the quay. Divers look for the cause."
    )
    planted = [
        Article("1", "Ferry", f"{text} One.", outlet="The Planter", url="https://planter.example/1"),
        Article("3", "Rain", "It rained on the quay all day.", outlet="Planter"),
    ]
    source = tmp_path / "wire.md"
    source.write_text("The ferry was a gift of the bank.", encoding="utf-8")
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([*planted, Article("copy", "Ferry", text, outlet="Alder Echo")])
        assistant.add([replace(planted[1], text="It snowed on the quay all day.")])
        assistant.add(source, outlet="Planter")
        assert assistant.history_of("3")

        with pytest.raises(ArticleError, match="no article's outlet or host; there are Alder Echo, Planter, "):
            assistant.forget_outlet("example")
        removed = assistant.forget_outlet("planter")

        assert sorted(removed) == ["1", "3", source.as_uri()]
        assert [article.id for article in assistant.articles()] == ["copy"]
        assert assistant.sources() == []
        assert assistant.update().added == ()
    files = [path.read_bytes() for path in (tmp_path / "index").rglob("*") if path.is_file()]
    assert not any(word in file for file in files for word in (b"snowed", b"rained", b"gift of the bank"))


def test_a_copy_is_named_beside_the_quote_and_quoted_no_second_time(tmp_path: Path) -> None:
    (text,) = (path.read_text(encoding="utf-8").split("---\n")[2] for path in (ROOT / "articles").glob("*vaccine*.md"))
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add([ROOT / "articles"])
        original = assistant.ask("How many people took part in the vaccine trial?")
        body, _, _ = text.rpartition("\n\n")
        assistant.add(Article("copy", "Trial ends", f"By Rosa Finch\n\n{body}", outlet="Evening Packet"))

        answer = assistant.ask("How many people took part in the vaccine trial?")

        assert [each.quote for each in answer.citations] == [each.quote for each in original.citations]
        both = {"copy", original.citations[0].article.id}
        for citation in answer.citations:
            assert {citation.article.id, *(copy.id for copy in citation.also_in)} == both
        assert all(citation.also_in == () for citation in original.citations)
        assert_exact(assistant, answer)
        assistant.remove("copy")
        assert assistant.ask("How many people took part in the vaccine trial?").citations == original.citations


def test_an_update_looks_at_what_was_added(tmp_path: Path) -> None:
    path = tmp_path / "storm.md"
    path.write_text("Two people died in the storm.", encoding="utf-8")
    with Assistant.open(tmp_path / "index") as assistant:
        assistant.add(path, outlet="Vale Observer", published="2025-04-01")
        assert assistant.sources() == [path.resolve().as_uri()]
        path.write_text("Three people died in the storm.", encoding="utf-8")

        assert assistant.update().updated == (path.resolve().as_uri(),)
        (ref,) = assistant.articles()
        assert (ref.outlet, ref.published) == ("Vale Observer", datetime(2025, 4, 1, tzinfo=UTC))
        with pytest.raises(SettingsError, match="an outlet is a name"):
            assistant.add(path, outlet=" ")


def test_what_somebody_elses_index_names_is_looked_at_only_where_the_user_says_so(tmp_path: Path) -> None:
    secret, private = tmp_path / "secret.md", "http://127.0.0.1:9"
    secret.write_text("The password is swordfish.", encoding="utf-8")
    index, mine = tmp_path / "index", tmp_path / "mine"
    with Assistant.open(index, data=tmp_path / "his") as his:
        his.add(Article("ferry", "Ferry", "The ferry to Alder sank on Monday."))
    with closing(sqlite3.connect(index / "library.sqlite3")) as connection, connection:
        for name in (secret.as_uri(), "file:///etc/passwd", "http://169.254.169.254/latest/", private):
            connection.execute("INSERT INTO sources (name, allows_private) VALUES (?, 1)", (name,))

    with Assistant.open(index, data=mine) as given:
        with pytest.raises(
            LibraryError, match=r"not added by you .*: file:.*secret\.md, file:///etc/passwd, .*--trust-sources"
        ):
            given.update()
        # Nor does what it says of a source say anything of one in it that the user adds.
        (failure,) = given.add(f"{private}/page").failed
        assert "--allow-private" in failure.reason
        with pytest.raises(LibraryError, match=r"secret\.md"):
            given.update()
        for source in ("file:///etc/passwd", "http://169.254.169.254/latest/", private):
            given.forget_source(source)
        assert [article.id for article in given.articles()] == ["ferry"]

        assert given.update(trust_sources=True).added == (secret.as_uri(),)
    with Assistant.open(index, data=mine) as given:
        assert given.update().unchanged == (secret.as_uri(),)


# What is kept of answers


def test_an_answer_says_what_its_articles_were(assistant: Assistant) -> None:
    answer = assistant.ask(CONDITIONS)

    cited = dict.fromkeys(citation.article.id for citation in answer.citations)
    assert [hash.article_id for hash in answer.hashes] == list(cited)
    for hash in answer.hashes:
        assert hash.sha256 == hash_article(assistant.article(hash.article_id))
    assert answer.prompts == ""


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_model_s_answer_says_which_prompts_it_was_shown(
    server: ModelServer, tmp_path: Path, is_async: bool
) -> None:
    server.script = lambda _: Says(["The old bridge reopened on Monday [1]."])
    article = Article("bridge", "Bridge", "The old bridge reopened on Monday. It is red.")
    other = Article("alder", "Alder", "The mayor of Alder likes trams.")
    with Assistant.open(tmp_path / "index", "openai:tiny", base_url=server.base_url, timeout=60) as assistant:
        assistant.add([article, other])
        question = "When did the old bridge reopen?"

        answer = await assistant.aask(question) if is_async else assistant.ask(question)

    # The cited one first, and what else the model was shown.
    assert answer.hashes == tuple(ArticleHash(each.id, hash_article(each)) for each in (article, other))
    assert answer.prompts == identify_prompts()


def test_a_removed_article_is_in_no_file_whatever_was_answered_from_it(tmp_path: Path) -> None:
    folder = tmp_path / "index"
    secret = Article(
        "zyx-1", "Qwertzuiop opens", "The qwertzuiop of Xylografia opened on Monday. It has yxcvbnm doors."
    )
    other = Article("bridge", "Bridge reopens", "The old bridge at Alder reopened on Tuesday after long repairs.")
    with Assistant.open(folder) as assistant:
        assistant.add([secret, other])
        id = assistant.conversations.start()
        first = assistant.ask("When did the old bridge at Alder reopen?", until=None)
        found = tuple(each for each in first.retrieved if each.article.id == "bridge")
        first = replace(first, retrieved=found)
        second = assistant.ask("What opened on Monday?")
        third = replace(first, model="openai:tiny", written="As said, the qwertzuiop has yxcvbnm doors.")
        for answer in (first, second, third):
            assistant.conversations.keep(id, answer)
        assert second.citations[0].article.id == "zyx-1"
        assert b"yxcvbnm" in b"".join(path.read_bytes() for path in folder.glob("conversations*"))
        context = assistant.context_of(first.citations[0])

        assistant.remove("zyx-1")

        left = [turn.answer for turn in assistant.conversations.get(id).turns]
        assert left == [first, None, None]
        assert assistant.context_of(first.citations[0]) == context == ""
        assert assistant.context_of(second.citations[0]) == ""
        for path in folder.rglob("*"):
            if path.is_file():
                content = path.read_bytes().lower()
                assert not [word for word in (b"qwertzuiop", b"yxcvbnm", b"xylografia", b"zyx-1") if word in content]

        assistant.conversations.keep(id, second)  # whoever was about to keep it is too late
        assert assistant.conversations.get(id).turns[-1].answer is None


def test_removing_says_that_conversations_can_not_be_read(tmp_path: Path) -> None:
    with Assistant.open(tmp_path) as assistant:
        assistant.add([Article("a", "A", "The ferry left the harbour."), Article("b", "B", "The tram came back.")])
        (tmp_path / "conversations.sqlite3").write_bytes(b"nonsense" * 1_000)

        with pytest.raises(LibraryError, match=r"removed, and nothing finds it any more, .*conversations.sqlite3"):
            assistant.remove("a")

        assert [article.id for article in assistant.articles()] == ["b"]
        assert assistant.ask("What came back?").citations[0].quote == "The tram came back."


def test_a_file_of_answers_is_checked(assistant: Assistant, tmp_path: Path) -> None:
    answer = assistant.ask(CONDITIONS)
    file = tmp_path / "answer.json"
    file.write_text(json.dumps(answer_to_json(answer)), encoding="utf-8")
    assert assistant.check(file).holds
    assert len(assistant.check(str(file)).citations) == len(answer.citations)

    file.write_text(file.read_text(encoding="utf-8").replace("NATO", "UNO"), encoding="utf-8")
    assert not assistant.check(file).holds
