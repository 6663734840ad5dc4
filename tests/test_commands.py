import base64
import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant import Assistant
from assistant.commands import COMMANDS, OTHER_NAMES, Session, complete, recall, render_quote, run_command
from assistant.conversations import CONVERSATIONS_FILE
from assistant.errors import ArticleError, AssistantError, LibraryError, SettingsError
from assistant.rendering import clean, clean_line
from assistant.settings import Surroundings
from assistant.terminal import COLORED, Terminal
from assistant.types import Article, QuotedPassage, Statement, Support

QUESTION = "What did the quick brown fox jump over?"


class Paper:
    """What a chat was printed on."""

    def __init__(self) -> None:
        self.text = ""

    def write(self, text: str) -> None:
        self.text += text

    def take(self) -> str:
        text, self.text = self.text, ""
        return text


Command = Callable[[Session, str], tuple[Session, str]]


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory, shared_cache: Path, articles: tuple[Article, ...]) -> Path:
    """An index with the tiny articles, to be copied."""
    folder = tmp_path_factory.mktemp("filled") / "index"
    with Assistant.open(folder, cache=shared_cache, model="quotes") as assistant:
        assistant.add(articles)
    return folder


@pytest.fixture
def paper() -> Paper:
    return Paper()


@pytest.fixture
def session(filled: Path, tmp_path: Path, shared_cache: Path, paper: Paper) -> Iterator[Session]:
    shutil.copytree(filled, tmp_path / "index")
    terminal = Terminal(paper.write, Surroundings(False, None, False), is_screen=True)
    with Assistant.open(tmp_path / "index", cache=shared_cache, model="quotes") as assistant:
        articles = tuple(assistant.articles())
        yield Session(assistant, terminal, assistant.conversations.start(), articles=articles)


@pytest.fixture
def asked(session: Session) -> Session:
    """A session in which one question was asked and its answer kept."""
    answer = session.assistant.ask(QUESTION)
    first = answer.statements[0]
    answer = replace(answer, text=first.text, statements=(first,), citations=answer.citations[:1])
    session.assistant.conversations.keep(session.conversation, answer)
    return replace(session, answers=(answer,))


@pytest.fixture
def run(paper: Paper) -> Command:
    def run(session: Session, line: str) -> tuple[Session, str]:
        return run_command(session, line), paper.take()

    return run


def test_why_shows_the_quote_in_its_passage(asked: Session, run: Command) -> None:
    _, text = run(asked, "/why 1")

    assert text.startswith("[1] Forest Courier, 15 March 2025: Fox clears dog\n")
    assert "[[The quick brown fox jumps over the lazy dog.]] The dog did not wake up." in text
    assert text.endswith("\nhttps://forest-courier.example/fox\n")


def test_why_shows_nothing_of_an_article_that_was_removed(asked: Session, run: Command) -> None:
    asked.assistant.remove("fox")

    with pytest.raises(SettingsError, match=r"the article of \[1\] was removed"):
        run(replace(asked, is_kept=False), "/why 1")


def test_why_needs_no_number_where_there_is_one_source_alone(asked: Session, run: Command) -> None:
    assert len(asked.last.citations) == 1
    assert run(asked, "/why")[1] == run(asked, "/why [1]")[1]


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("/why 2", "'2' is no number of a source; the last answer has 1"),
        ("/why fox", "'fox' is no number"),
        ("/wy 1", "there is no command /wy; did you mean /why?"),
        ("/sorces", "did you mean /sources?"),
        ("/q", "did you mean /quit?"),
        ("/", "there is no command /; /help lists them"),
        ("/zzzzzz", "there is no command /zzzzzz; /help lists them"),
        ("/since yesterdayish", "yesterdayish"),
        ("/outlet Forest Curier", "did you mean Forest Courier?"),
        ("/unsupported maybe", "'maybe' is neither mark nor drop"),
        ("/model nobody", "unknown model 'nobody'"),
        ("/model nobody:some", "nobody"),
        ("/sources 1", "/sources takes nothing after it"),
        ("/quit now?", "/quit takes nothing after it"),
        ("/resume 2020-01-01-aaaa", "no conversation has the id"),
        ("/add", "give a file"),
        ("/add 'open", "quotation"),
        ("/add -", "standard input"),
        ("/export", "give a file"),
        ("/export answers.pdf", ".pdf is no format"),
        ("/export answers", "end the name in .md, .html or .json"),
        ("/export nowhere/answers.json", "nowhere/answers.json"),
        ("/help wy", "did you mean /why?"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(
    asked: Session, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str, complaint: str
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(AssistantError) as raised:
        run(asked, line)

    assert complaint in str(raised.value)
    assert "\n" not in str(raised.value)
    assert asked.assistant.ask(QUESTION).statements  # with what answered before


@pytest.mark.parametrize("name", ["why 1", "sources", "open 1", "copy", "export x.json"])
def test_nothing_is_to_be_seen_before_the_first_answer(session: Session, run: Command, name: str) -> None:
    with pytest.raises(SettingsError, match="nothing was answered yet"):
        run(session, f"/{name}")


def test_sources_are_shown_again(asked: Session, run: Command) -> None:
    assert run(asked, "/sources")[1] == (
        "[1] Forest Courier, 15 March 2025: Fox clears dog\n    https://forest-courier.example/fox\n"
        "Behind [1]: single source\n"
    )


def test_a_page_is_opened_in_the_browser_there_is(
    asked: Session, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(asked, "/open 1")[1] == "No browser can be opened here; the page is https://forest-courier.example/fox\n"

    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}\n', encoding="utf-8")
    browser.chmod(0o755)
    monkeypatch.setenv("BROWSER", f"{browser} %s")
    monkeypatch.setattr("webbrowser._tryorder", None)  # it reads BROWSER once in a process
    desktop = replace(asked, terminal=replace(asked.terminal, surroundings=Surroundings(False, None, True)))

    assert run(desktop, "/open 1")[1] == "Opened in your browser: https://forest-courier.example/fox\n"
    assert opened.read_text(encoding="utf-8") == "https://forest-courier.example/fox\n"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:alert(1)", "https://", "https://a.example/\x1b[2J"])
def test_only_pages_of_the_web_are_opened(asked: Session, run: Command, url: str) -> None:
    citation = asked.last.citations[0]
    hostile = replace(citation, article=replace(citation.article, url=url))
    desktop = replace(asked.terminal, surroundings=Surroundings(False, None, True))
    session = replace(asked, terminal=desktop, answers=(replace(asked.last, citations=(hostile,)),))

    text = run(session, "/open 1")[1]

    assert text.startswith("Not opened, for it is no page of http or https: ")
    assert clean(text) == text


def test_a_source_without_an_address_is_not_opened(session: Session, run: Command) -> None:
    session = replace(session, answers=(session.assistant.ask("What did Jack break?"),), is_kept=False)

    with pytest.raises(SettingsError, match="has no address"):
        run(session, "/open 1")


def test_articles_are_listed_newest_first_and_found_by_words(session: Session, run: Command) -> None:
    assert run(session, "/articles")[1] == (
        "Hill Herald, 17 March 2025: Two fall on hill\n"
        "Forest Courier, 15 March 2025: Fox clears dog\n"
        "Lamb follows girl to school\n"
    )
    assert run(session, "/articles FOX courier")[1] == "Forest Courier, 15 March 2025: Fox clears dog\n"
    assert run(session, "/articles wolf")[1] == "No article has these words in its title, outlet or date.\n"


def test_articles_are_added_and_the_failures_said(session: Session, run: Command, tmp_path: Path) -> None:
    file = tmp_path / "a bridge.md"
    file.write_text("---\ntitle: Bridge reopens\n---\n\nThe bridge at Alder reopened on Monday.\n", encoding="utf-8")

    session, text = run(session, f'/add "{file}" {tmp_path / "gone.md"}')

    assert "gone.md: " in " ".join(text.split())
    assert "1 added, 1 failed" in " ".join(text.split())
    assert "Bridge reopens" in [article.title for article in session.articles]


def test_days_and_outlets_are_set_shown_and_cleared(session: Session, run: Command) -> None:
    assert run(session, "/since")[1] == "All articles are asked.\n"
    session, _ = run(session, "/since 2025-03-01")
    session, _ = run(session, "/until 2025-03-16")
    session, text = run(session, "/outlet forest courier")
    assert text.startswith("Asked are articles of Forest Courier since 2025-03-01 until 2025-03-16;")
    assert (session.outlet, session.since, session.until) == ("Forest Courier", "2025-03-01", "2025-03-16")

    with pytest.raises(SettingsError, match="since must be the earlier"):
        run(session, "/since 2025-03-18")
    for name in ("since", "until", "outlet"):
        session, text = run(session, f"/{name} off")

    assert (session.outlet, session.since, session.until) == (None, None, None)
    assert text == "All articles are asked.\n"


def test_another_model_answers_from_then_on(asked: Session, run: Command) -> None:
    assert "Answered by quotes from 3 articles" in run(asked, "/model")[1]

    with pytest.raises(AssistantError, match="needs a key"):
        run(asked, "/model openai:gpt-5-mini")
    asked.assistant.settings = replace(asked.assistant.settings, api_key="any")
    session, text = run(asked, "/model openai:gpt-5-mini")

    assert "questions and passages are sent to api.openai.com" in " ".join(text.split())
    assert session.assistant.model == "openai:gpt-5-mini"
    assert session.answers == asked.answers
    session.assistant.close()


def test_what_is_not_proven_is_shown_marked_or_dropped(asked: Session, run: Command) -> None:
    statement = Statement("Pigs fly.", (asked.last.citations[0],), Support(0.1, False, ("it says nothing of pigs",)))
    session = replace(asked, answers=(replace(asked.last, statements=(statement,)),))

    assert "(UNSUPPORTED: Pigs fly. [1] -- it says nothing of pigs.)" in run(session, "/unsupported")[1]
    session, _ = run(session, "/unsupported drop")
    assert session.assistant.settings.unsupported == "drop"
    assert "are dropped" in run(session, "/unsupported")[1]
    session.assistant.close()


def test_conversations_are_listed_resumed_and_begun_anew(asked: Session, run: Command) -> None:
    id = asked.conversation
    assert id in run(asked, "/history")[1]
    assert QUESTION in " ".join(run(asked, "/history FOX")[1].split())
    assert run(asked, "/history wolf")[1] == "No conversation has these words.\n"

    session, _ = run(asked, "/new")
    assert session.conversation != id
    assert session.answers == ()
    session, text = run(session, "/resume")

    assert (session.conversation, session.answers) == (id, asked.answers)
    assert text.startswith(f"Resumed {id}, of 1 question.\n\n> {QUESTION}\n\nThe quick brown fox")


def test_a_new_conversation_says_what_is_kept(session: Session, run: Command) -> None:
    assert run(session, "/new")[1] == "A new conversation.\n"
    assert run(replace(session, is_kept=False).answered(session.assistant.ask(QUESTION)), "/new")[1] == (
        "A new conversation.\n"
    )


def test_a_resumed_conversation_says_what_was_forgotten(asked: Session, run: Command) -> None:
    asked.assistant.remove("fox")

    session, text = run(asked, f"/resume {asked.conversation}")

    assert "1 of whose answers were forgotten with their articles" in " ".join(text.split())
    assert session.answers == ()
    assert "lazy dog" not in text
    for line in ("/export x.json", "/sources", "/why", "/copy"):
        with pytest.raises(SettingsError, match="was forgotten with its articles"):
            run(session, line)
    assert run(session, "/new")[1] == "A new conversation; the one before is kept: /history\n"


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_conversation_is_exported_as_json_that_is_read_again(
    asked: Session, run: Command, tmp_path: Path, is_kept: bool
) -> None:
    path = tmp_path / "conversation.json"

    _, text = run(replace(asked, is_kept=is_kept), f"/export {path}")

    exported = json.loads(path.read_text(encoding="utf-8"))
    assert "1 answer written" in " ".join(text.split())
    assert exported["conversation"]["id"] == asked.conversation
    assert exported["answers"][0]["citations"][0]["quote"] == "The quick brown fox jumps over the lazy dog."
    assert asked.assistant.check(path).holds
    assert "1 answer written" in " ".join(run(replace(asked, is_kept=is_kept), f"/export {path}")[1].split())
    for other in ("{}", "[]", '{"conversation": {"id": "2026-01-01-aaaa"}}', '{"conversation": ', "\xff", ""):
        path.write_text(other, encoding="latin-1")
        with pytest.raises(SettingsError, match="exists already"):
            run(asked, f"/export {path}")
        assert path.read_text(encoding="latin-1") == other


@pytest.mark.parametrize("name", ["a.md", "a.html"])
def test_a_conversation_is_exported_as_a_page(
    asked: Session, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))

    run(asked, f"/export ~/{name}")

    page = (tmp_path / name).read_text(encoding="utf-8")
    assert QUESTION in page
    assert "The quick brown fox" in page


def test_the_answer_is_copied_through_the_terminal(asked: Session, run: Command) -> None:
    text = run(asked, "/copy")[1]

    sequence, said = text[: text.index("\x07") + 1], text[text.index("\x07") + 1 :]
    copied = base64.b64decode(sequence.removeprefix("\x1b]52;c;").removesuffix("\x07")).decode()
    assert copied == (
        f"{QUESTION}\n\nThe quick brown fox jumps over the lazy dog. [1]\n\n"
        "[1] Forest Courier, 15 March 2025: Fox clears dog https://forest-courier.example/fox\n"
    )
    assert said.startswith(f"Copied {len(copied)} characters to the clipboard, if")


def test_what_a_terminal_can_not_copy_is_said(asked: Session, run: Command) -> None:
    dumb = replace(asked.terminal, surroundings=Surroundings(True, None, False))
    assert "no clipboard" in run(replace(asked, terminal=dumb), "/copy")[1]
    assert "no clipboard" in run(replace(asked, terminal=replace(asked.terminal, is_screen=False)), "/copy")[1]
    long = replace(asked.last, question="why? " * 20_000)
    text = run(replace(asked, answers=(long,)), "/copy")[1]
    assert "more than a terminal takes" in text
    assert "\x1b" not in text


def test_help_lists_every_command_and_says_more_of_each(session: Session, run: Command) -> None:
    text = run(session, "/help")[1]

    assert all(f"/{name}" in text for name in COMMANDS)
    for command in COMMANDS.values():
        assert command.help.endswith(".")
        assert run(session, f"/help {command.name}")[1].startswith(f"{command.usage}\n")
    assert run(session, "/help /why")[1] == run(session, "/help why")[1]


def test_quit_ends_the_session(session: Session, run: Command) -> None:
    assert run(session, "/quit")[0].is_over


def test_commands_arguments_titles_and_outlets_are_completed(asked: Session) -> None:
    def offers(line: str, session: Session | None = asked) -> list[str]:
        return [line[: len(line) - each.length] + each.text for each in complete(session, line)]

    assert offers("/wh", None) == ["/why "]
    assert offers("/un") == ["/until ", "/unsupported "]
    assert offers("/outlet F") == ["/outlet Forest Courier"]
    assert offers("/why ") == ["/why 1"]
    assert offers("/since 2025-03-17") == ["/since 2025-03-17"]
    assert offers("/articles fox") == ["/articles Fox clears dog"]
    assert offers("/resume ") == [f"/resume {asked.conversation}"]
    assert offers("/help q") == ["/help quit"]
    assert offers("What did fox cl") == ["What did Fox clears dog"]
    assert offers("What did the hill h") == ["What did the Hill Herald"]
    assert offers("What is hi") == []
    assert offers("/nonsense x") == []


def test_what_is_offered_is_clean_and_taken(asked: Session, run: Command) -> None:
    hostile = "Night\u202e \u200bOwl\x9b2J"
    asked.assistant.add(Article(id="owl", title="Owl \u202eseen\x85", text="An owl was seen at night.", outlet=hostile))
    session, _ = run(asked, "/articles")

    for command in COMMANDS.values():
        for value in command.values(session) if command.values else ():
            assert clean_line(value) == value
    offered = next(each.text for each in complete(session, "/outlet N"))
    assert run(session, f"/outlet {offered}")[0].outlet == hostile
    assert run(session, f"/outlet {hostile}")[0].outlet == hostile


def test_removing_says_to_delete_conversations_that_can_not_be_read(asked: Session) -> None:
    file = asked.assistant.settings.index / CONVERSATIONS_FILE
    file.write_bytes(b"nonsense" * 1_000)

    assert list(complete(asked, "/resume ")) == []
    with pytest.raises(LibraryError, match=r"removed, .* delete that file"):
        asked.assistant.remove("fox")
    file.unlink()
    with pytest.raises(ArticleError, match="no article has the id"):
        asked.assistant.remove("fox")

    assert asked.assistant.examine().is_healthy


def test_every_command_offers_what_it_takes(asked: Session, run: Command) -> None:
    session = asked
    for command in COMMANDS.values():
        for offered in list(command.values(session))[:1] if command.values else ():
            session, _ = run(session, f"/{command.name} {offered}")

    assert session.conversation == asked.conversation
    session.assistant.close()


@given(st.text(st.sampled_from("ab \n日本é")), st.text(st.sampled_from("cd \n語"), min_size=1), st.integers(20, 300))
def test_a_quote_keeps_its_words_whatever_its_lines(before: str, quote: str, width: int) -> None:
    shown = render_quote(QuotedPassage(before, quote, "end"), style=COLORED.quote, width=width)
    plain = render_quote(QuotedPassage(before, quote, "end"), style="", width=width)

    letters = "".join(f"{before}{quote}end".split())
    assert "".join(shown.replace(COLORED.quote, "").replace("\x1b[0m", "").split()) == letters
    assert "".join(plain.replace("[[", "").replace("]]", "").split()) == letters
    assert shown.count(COLORED.quote) <= shown.count("\x1b[0m")


def forget_elsewhere(session: Session, *ids: str) -> None:
    """Remove articles in another process, as the chat sees it."""
    with Assistant.open(session.assistant.settings.index, model="quotes") as other:
        other.remove(*ids)


@pytest.fixture
def talked(asked: Session) -> Session:
    """A session in which two questions were asked, the second of another article."""
    answer = asked.assistant.ask("What did Jack break?")
    asked.assistant.conversations.keep(asked.conversation, answer)
    return asked.answered(*asked.answers, answer)


@pytest.mark.parametrize("name", ["r.md", "r.html", "r.json"])
def test_what_was_forgotten_elsewhere_is_not_exported(
    talked: Session, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.chdir(tmp_path)
    kept = replace(talked.answers[-1], retrieved=())  # else it was found beside what is removed
    talked.assistant.conversations.remove(talked.conversation)
    for answer in (talked.answers[0], kept):
        talked.assistant.conversations.keep(talked.conversation, answer)
    forget_elsewhere(talked, "fox")

    _, text = run(talked, f"/export {name}")

    assert " ".join(text.split()) == f"{name}: 1 answer written; 1 more was forgotten with the articles."
    written = (tmp_path / name).read_text(encoding="utf-8")
    assert "lazy dog" not in written
    assert kept.statements[0].text in written


@pytest.mark.parametrize("line", ["/export r.md", "/export r.html", "/export r.json", "/copy", "/sources", "/why 1"])
def test_what_was_forgotten_elsewhere_is_shown_to_nobody(
    asked: Session, run: Command, paper: Paper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.chdir(tmp_path)
    forget_elsewhere(asked, "fox")

    with pytest.raises(SettingsError, match="was forgotten with its articles"):
        run(asked, line)
    with Assistant.open(asked.assistant.settings.index, model="quotes") as other:
        other.conversations.remove(asked.conversation)
    with pytest.raises(SettingsError, match="this conversation was removed meanwhile"):
        run(asked, line)

    assert "lazy dog" not in paper.text
    assert not [*tmp_path.glob("r.*")]


def test_a_conversation_that_was_removed_elsewhere_is_not_taken_up_again(asked: Session) -> None:
    with Assistant.open(asked.assistant.settings.index, model="quotes") as other:
        other.conversations.remove(asked.conversation)

    session = recall(asked)

    assert session.answers == ()
    assert session.conversation != asked.conversation
    assert recall(session) == session


@pytest.mark.parametrize(
    ("typed", "meant"), [("exit", "quit"), ("bye", "quit"), ("clear", "new"), ("list", "articles"), ("save", "export")]
)
def test_what_others_call_a_command_is_pointed_to_ours(session: Session, run: Command, typed: str, meant: str) -> None:
    assert set(OTHER_NAMES.values()) <= set(COMMANDS)
    assert not set(OTHER_NAMES) & set(COMMANDS)
    with pytest.raises(SettingsError, match=f"did you mean /{meant}\\?"):
        run(session, f"/{typed}")


def test_what_becomes_of_the_unproven_is_said_in_words(session: Session, run: Command) -> None:
    session, text = run(session, "/unsupported drop")

    assert text == "Sentences that their citations don't prove are dropped, from now on.\n"
    session.assistant.close()


def test_articles_are_found_by_the_day_as_it_is_typed(session: Session, run: Command) -> None:
    assert run(session, "/articles 2025-03-15")[1] == "Forest Courier, 15 March 2025: Fox clears dog\n"
    assert len(run(session, "/articles 2025-03")[1].splitlines()) == 2


@pytest.mark.parametrize(
    ("argument", "name"),
    [
        ("my answers.md", "my answers.md"),
        ('"my answers.md"', "my answers.md"),
        ("my\\ answers.md", "my answers.md"),
        ("Anna's.md", "Anna's.md"),
        ("a.md", "a.md"),
    ],
)
def test_a_file_has_one_name_however_it_is_typed(
    asked: Session, run: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argument: str, name: str
) -> None:
    monkeypatch.chdir(tmp_path)

    run(asked, f"/export {argument}")
    (tmp_path / name).write_text("---\ntitle: Bridge reopens\n---\n\nThe bridge at Alder reopened.\n", encoding="utf-8")

    assert "1 added" in run(asked, f"/add {argument}")[1]


def test_a_resumed_answer_says_its_age(asked: Session, run: Command) -> None:
    assert "The newest source is " in run(asked, f"/resume {asked.conversation}")[1]
    assert "The newest source is " not in run(replace(asked, until="2025-04-01"), "/resume")[1]
