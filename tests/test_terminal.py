import re
import sys
import unicodedata
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from attacks import ATTACKS
from hypothesis import given
from hypothesis import strategies as st
from model_server import Fails, ModelServer, Says, error_body
from screens import running
from test_chat import assert_only_ours
from wcwidth import wcswidth

from assistant import Assistant
from assistant.commands import COMMANDS, Session, complete, run_command
from assistant.errors import AssistantError
from assistant.rendering import (
    MAX_MARKS,
    MAX_WIDTH,
    clean,
    describe_age,
    render_answer,
    render_conversations,
    render_passages,
    wrap_text,
)
from assistant.settings import Surroundings, read_surroundings
from assistant.terminal import (
    COLORED,
    PLAIN,
    UNCOLORED,
    Terminal,
    choose_styles,
    describe_answerer,
    is_web_page,
    paint,
    paint_answer,
    show_progress,
)
from assistant.types import (
    Answer,
    Article,
    ArticleRef,
    Citation,
    ConversationRef,
    Passage,
    RetrievedPassage,
    Statement,
    Support,
    Understood,
    Usage,
)

LAPTOP = Surroundings(is_dumb=False, colors=None, has_browser=False)
SIGNS = st.characters(exclude_categories=["Cs"])


def make_answer(text: str, *, published: datetime | None = None, question: str = "Why?") -> Answer:
    """An answer in which everything that can be is the text."""
    ref = ArticleRef(text, text, text, text, published, f"https://a.example/{text}")
    citation = Citation(1, ref, 0, len(text), text, 0, (replace(ref, id="copy"),))
    statements = (
        Statement(text, (citation,), Support(1, True)),
        Statement(f"{text}!", (citation,), Support(0, False, (text,)), (text,)),
    )
    retrieved = (RetrievedPassage(Passage(text, 0, len(text), text), 1.0, ref),)
    understood = (Understood(text),)
    return Answer(
        question,
        text,
        statements,
        (citation,),
        False,
        0.5,
        retrieved,
        text,
        Usage(),
        0.1,
        understood,
        text,
        text,
        (text,),
    )


def test_no_attack_is_left_of_what_is_rendered_and_styled() -> None:
    assert len(set(ATTACKS)) >= 220
    for attack in ATTACKS:
        answer = make_answer(attack)
        now = datetime(2025, 3, 15, tzinfo=UTC)
        texts = [
            render_answer(answer, context_of=lambda _, attack=attack: attack, width=80),  # type: ignore[misc]
            render_answer(
                replace(answer, abstained=True, statements=(), citations=()), context_of=lambda _: "", width=80
            ),
            render_passages(answer.retrieved, width=40),
            render_conversations((ConversationRef(attack, now, now, attack, 1),), width=40),
        ]
        for text in texts:
            assert_only_ours(paint_answer(text, COLORED).encode())
            assert all(len(marks) <= MAX_MARKS for marks in re.findall(r"[\u0300-\u036f\u0489]+", text))


def test_no_attack_gets_through_a_command(tmp_path: Path, shared_cache: Path) -> None:
    printed: list[str] = []
    terminal = Terminal(printed.append, LAPTOP, is_screen=True, styles=COLORED)
    with Assistant.open(tmp_path / "index", cache=shared_cache, model="quotes") as assistant:
        articles = [
            Article(
                f"{number}", f"T {attack} t", f"The fox said {attack} here.", f"O{attack}o", f"{attack}", None, None
            )
            for number, attack in enumerate(ATTACKS[::20])
        ]
        assistant.add(articles)
        session = Session(assistant, terminal, assistant.conversations.start(), articles=tuple(assistant.articles()))
        for number, attack in enumerate(ATTACKS):
            current = replace(session, answers=(make_answer(attack),), outlet=attack, since=attack)
            # /add opens files and /model another assistant: what they say of a name is what all errors go through.
            for name in COMMANDS.keys() - {"model", "add", "export"} if number % 20 == 0 else {"why", "copy", "open"}:
                for argument in ("", "1", attack):
                    try:
                        run_command(current, f"/{name} {argument}")
                    except AssistantError as error:
                        current.say(str(error), style=COLORED.warning)
        for line in ("/", "T ", "/outlet ", "/articles "):
            printed.extend(f"{clean(each.text)}\n" for each in complete(session, line))

    assert len(printed) > len(ATTACKS)
    assert_only_ours("".join(printed).encode())


def test_no_attack_reaches_the_screen(
    tmp_path: Path, server: ModelServer, shared_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    everything = " ".join(attack for attack in ATTACKS if "\x00" not in attack)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", server.base_url)
    fox = Article(
        "fox", f"Fox {everything}", f"The fox jumps over the lazy dog.\n\n{everything}", f"Courier {everything}"
    )
    with Assistant.open(tmp_path / "index", cache=shared_cache, model="quotes") as assistant:
        assistant.add(fox)
    server.queue = [
        Says(["The fox\x1b[2J jumps over the lazy\x9b31m dog [1]. ", f"It did {everything} [1]."]),
        Says([f"The fox jumps over {everything} [2]."]),
        Fails(400, error_body(everything)),
    ]
    name = f"a{ATTACKS[3]}\x1b[2J.md"
    (tmp_path / name).write_text(everything.replace("\n", " "), encoding="utf-8")

    with running("chat", "--index", "index", "--no-cache") as screen:
        screen.wait_for("Answered by")
        screen.wait_for_prompt()
        for line in ("Over whom does the fox jump?", "/why 1", "/sources", "/articles", "/unsupported", "Again?"):
            screen.enter(line)
        screen.enter("/add .")
        screen.type("\x1b[200~Who \x9b31m\x1b]0;x\x07 is it\x1b[201~\x15")  # pasted
        screen.type("/quit\r")
        screen.wait_for_end()

    assert "lazy dog" in screen.text, screen.text
    assert b"evil" in screen.raw
    assert_only_ours(re.sub(rb"\x1b\[\?25[lh]|\x1b\[1A|\x1b\[2K", b"", screen.raw))


def test_styles_are_where_a_terminal_is_and_as_their_user_wants() -> None:
    assert choose_styles(LAPTOP, is_terminal=True) == COLORED
    assert choose_styles(LAPTOP, is_terminal=False) == PLAIN
    assert choose_styles(replace(LAPTOP, is_dumb=True), is_terminal=True) == PLAIN
    assert choose_styles(replace(LAPTOP, colors=False), is_terminal=True) == UNCOLORED
    assert choose_styles(replace(LAPTOP, colors=True), is_terminal=False) == COLORED
    assert not any(re.search(r"[;\[]3\d", style) for style in UNCOLORED)


def test_the_environment_is_read() -> None:
    desktop = {"TERM": "xterm", "DISPLAY": ":0"}
    assert read_surroundings(desktop, platform="linux") == Surroundings(False, None, True)
    assert read_surroundings({**desktop, "SSH_TTY": "/dev/pts/1"}, platform="linux").has_browser is False
    assert read_surroundings({"TERM": "dumb", "NO_COLOR": "1", "FORCE_COLOR": "1"}, platform="linux") == Surroundings(
        True, False, False
    )
    assert read_surroundings({"FORCE_COLOR": "1", "NO_COLOR": ""}, platform="darwin") == Surroundings(True, True, True)


def test_numbers_and_warnings_are_styled_and_nothing_else() -> None:
    text = "It rose [sic]. [1][2] (15 March 2025)\n\n(UNSUPPORTED: Pigs fly. [3] -- no.)\n\n[1] A Post: x [2]y\n"

    painted = paint_answer(text, COLORED)

    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == text
    assert painted.count(COLORED.number) == 3
    assert painted.count(COLORED.warning) == 1
    assert paint_answer(text, PLAIN) == text
    assert paint("", COLORED.number) == ""


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "https:///x", "http://a.example/ b", "HTTPS", "http://[x", "data:,x"]
)
def test_what_is_no_page_of_the_web(url: str) -> None:
    assert not is_web_page(url)
    assert is_web_page("https://a.example/x?y=%20#z")


@given(st.text(SIGNS), st.integers(20, 300))
def test_no_line_is_wider_than_the_terminal_but_for_a_word_that_is(text: str, width: int) -> None:
    text = " ".join(clean(text).split())

    lines = wrap_text(text, width, indent="  ").split("\n")

    assert "".join("".join(lines).split()) == "".join(text.split())
    for line in lines:
        assert wcswidth(line) <= min(width, MAX_WIDTH) or len(line.split()) == 1


@given(st.text(st.sampled_from("日本語の新聞記事について首相は、。ab "), min_size=30), st.integers(20, 300))
def test_wide_characters_take_two_cells(text: str, width: int) -> None:
    lines = wrap_text(f"日{text}", width).removeprefix("日").split("\n")

    assert all(wcswidth(line) <= min(width, MAX_WIDTH) for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())


def test_text_from_right_to_left_stays_whole() -> None:
    text = "قال رئيس الوزراء يوم الخميس إنه يؤيد وقف إطلاق النار من حيث المبدأ، وسأل من سيراقب الجبهة."

    assert clean(text) == text
    assert " ".join(wrap_text(text, 40).split("\n")) == text
    assert all(wcswidth(line) <= 40 for line in wrap_text(text, 40).split("\n"))


@given(st.text(st.characters()))
def test_only_printable_characters_newlines_and_tabs_survive_cleaning(text: str) -> None:
    cleaned = clean(text)

    assert all(sign.isprintable() or sign in "\n\t" for sign in cleaned)
    assert not any(
        unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Co", "Cn") for sign in cleaned if sign not in "\n\t"
    )
    assert clean(cleaned) == cleaned


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me", "Zl", "Zp", "Zs"])))
def test_clean_text_is_not_changed(text: str) -> None:
    marked = "".join(f"{sign}\u0301\u0323 \n\t" for sign in text)

    assert clean(text) == text
    assert clean(marked) == marked


@pytest.mark.parametrize(
    ("question", "today", "said"),
    [
        ("Why?", date(2025, 3, 21), ""),
        ("Why?", date(2025, 3, 22), "The newest source is 7 days old."),
        ("Who is the mayor now?", date(2025, 3, 15), ""),
        ("Who is the mayor now?", date(2025, 3, 16), "The newest source is 1 day old."),
        ("What is the latest on the berth?", date(2025, 3, 17), "The newest source is 2 days old."),
        ("Why?", date(2025, 3, 1), ""),
        ("Why?", date(2028, 3, 1), "The newest source is 1,082 days old."),
    ],
)
def test_the_age_of_the_newest_source_is_said_where_it_matters(question: str, today: date, said: str) -> None:
    answer = make_answer("x", published=datetime(2025, 3, 15, 9, tzinfo=UTC), question=question)
    asked_of_then = replace(answer, understood=(Understood("x", None, date(2025, 3, 1), is_filter=True),))

    assert describe_age(answer, today=today) == said
    assert describe_age(asked_of_then, today=date(2028, 3, 1)) == ""
    assert describe_age(make_answer("x", question=question), today=today) == ""


def test_what_answers_is_said_with_how_many_articles_of_when(
    tmp_path: Path, articles: tuple[Article, Article, Article]
) -> None:
    refs = [article.ref for article in articles]
    with Assistant.open(tmp_path / "index", model="quotes") as assistant:
        said = [describe_answerer(assistant, each) for each in (refs, refs[:1], refs[2:], [])]

    assert [
        re.sub(r" in \S*index", "", text).removeprefix("Answered by quotes from ").partition(";")[0] for text in said
    ] == [
        "3 articles, from 15 March 2025 to 17 March 2025",
        "1 article, of 15 March 2025",
        "1 article",
        "0 articles",
    ]
    assert all(text.endswith("; no language model, nothing leaves this machine.") for text in said)


def test_who_else_may_see_what_a_model_is_asked_is_said(tmp_path: Path) -> None:
    own = {"model": "openai:tiny", "base_url": "http://127.0.0.1:9/v1"}
    with Assistant.open(tmp_path / "index", tracing=True, **own) as assistant:
        assert "may be sent to LangSmith" in describe_answerer(assistant, [])
    with Assistant.open(tmp_path / "index", **own) as assistant:
        assert "LangSmith" not in describe_answerer(assistant, [])
    with Assistant.open(tmp_path / "index", verifier="openai:judge", **own) as assistant:
        said = describe_answerer(assistant, [])
    assert "verified by openai:judge at 127.0.0.1:9; nothing leaves this machine." in said
    with Assistant.open(tmp_path / "index", model="openai:tiny", verifier="openai:judge", api_key="x") as assistant:
        said = describe_answerer(assistant, [])
    assert "sentences and quotes are sent to api.openai.com to be verified" in said


def test_progress_is_shown_on_a_terminal_only(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with show_progress("Indexing") as progress:
        assert progress is None

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with show_progress("Indexing") as progress:
        assert progress is not None
        progress(1, 2)
    assert "Indexing" in capsys.readouterr().err
