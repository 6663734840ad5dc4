from collections.abc import Callable, Iterator, Sequence

import pytest
from model_server import ModelServer
from planted import PLANTER, Story, is_believed, load_stories, plant, report, says_single

from assistant import Article, Assistant
from assistant.corroboration import cut_attribution
from assistant.types import Answer

TEXT = "The new bridge over the Tarn at Harwick will cost 42 million pounds, the county council said on Monday."
SAME = "Harwick's bridge across the river Tarn is to cost £42 million, according to papers that councillors were shown."
QUESTION = "How much will the new bridge over the Tarn at Harwick cost?"

Ask = Callable[..., Answer]


@pytest.fixture(scope="module")
def stories() -> list[Story]:
    return load_stories()


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory, stories: Sequence[Story]) -> Iterator[Assistant]:
    with Assistant.open(tmp_path_factory.mktemp("corroboration") / "index", "quotes") as assistant:
        assistant.add(report(stories))
        yield assistant


@pytest.fixture
def ask(tmp_path_factory: pytest.TempPathFactory) -> Ask:
    def ask(*articles: Article, question: str = QUESTION, outlet: str | None = None) -> Answer:
        with Assistant.open(tmp_path_factory.mktemp("few") / "index", "quotes") as assistant:
            assistant.add(articles)
            return assistant.ask(question, outlet=outlet)

    return ask


def find_sources(answer: Answer, text: str) -> tuple[str, ...]:
    return next(statement.sources for statement in answer.statements if statement.text == text)


def test_what_two_outlets_report_is_never_said_to_have_a_single_source(
    assistant: Assistant, stories: Sequence[Story]
) -> None:
    answers = [assistant.ask(story.question) for story in stories]

    pairs = list(zip(answers, stories, strict=True))
    assert [story.question for answer, story in pairs if answer.abstained or says_single(answer, story)] == []


def test_what_one_outlet_planted_is_said_to_have_a_single_source(
    assistant: Assistant, stories: Sequence[Story]
) -> None:
    planted = list(plant(stories))
    assistant.add(planted)
    try:
        answers = [assistant.ask(story.question) for story in stories]
    finally:
        assistant.remove(*(article.id for article in planted))

    assert [answer.question for answer in answers if not says_single(answer) or is_believed(answer)] == []
    assert any(citation.article.outlet == PLANTER for answer in answers for citation in answer.citations)


def test_the_cited_outlet_comes_first_and_each_is_named_once(ask: Ask) -> None:
    answer = ask(
        Article("a", "Bridge", TEXT, outlet="Vale Observer"),
        Article("b", "Bridge", SAME, outlet="Harbour Courier"),
        Article("c", "Cost of the bridge", SAME.replace("to cost", "set to cost"), outlet="The Harbour Courier"),
    )

    assert find_sources(answer, TEXT)[0] == "Vale Observer"
    assert len(find_sources(answer, TEXT)) == 2


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"outlet": "Vale Observer"}, {"outlet": "Vale Observer"}),
        (
            {"outlet": "Vale Observer", "url": "https://vale.example/1"},
            {"outlet": "Harbour Courier", "url": "https://vale.example/2"},
        ),
        ({}, {}),
    ],
    ids=["one name", "one host under two names", "nothing known"],
)
def test_who_may_be_one_is_a_single_source(ask: Ask, first: dict[str, str], second: dict[str, str]) -> None:
    answer = ask(Article("a", "Bridge", TEXT, **first), Article("b", "Cost", SAME, **second))  # type: ignore[arg-type]

    assert says_single(answer)
    assert all(len(statement.sources) == 1 for statement in answer.statements)


def test_a_copy_is_no_further_source(ask: Ask) -> None:
    text = f"{TEXT} Work begins in May. The old bridge was closed in winter, when a lorry broke its rail. Ferries run."

    answer = ask(
        Article("a", "Bridge", text, outlet="Vale Observer"), Article("b", "Bridge", text, outlet="Harbour Courier")
    )

    assert [copy.outlet for copy in answer.citations[0].also_in]
    assert all(len(statement.sources) == 1 for statement in answer.statements)


@pytest.mark.parametrize(
    "other",
    [
        SAME.replace("42", "99"),
        TEXT.replace("will cost", "will not cost"),
        "How much will the new bridge over the Tarn at Harwick cost?",
        "The new bridge over the Tarn at Harwick will cost a lot, the county council said on Monday.",
        "The council of Harwick met on Monday to speak of the new bridge over the Tarn.",
    ],
    ids=["another figure", "a negation", "a question", "no figure", "another matter"],
)
def test_what_says_something_else_is_no_further_source(ask: Ask, other: str) -> None:
    answer = ask(
        Article("a", "Bridge", TEXT, outlet="Vale Observer"), Article("b", "Bridge", other, outlet="Harbour Courier")
    )

    assert find_sources(answer, TEXT) == ("Vale Observer",)


def test_other_outlets_count_also_where_one_is_asked(ask: Ask) -> None:
    answer = ask(
        Article("a", "Bridge", TEXT, outlet="Vale Observer"),
        Article("b", "Bridge", SAME, outlet="Harbour Courier"),
        outlet="Vale Observer",
    )

    assert {citation.article.outlet for citation in answer.citations} == {"Vale Observer"}
    assert find_sources(answer, TEXT) == ("Vale Observer", "Harbour Courier")


@pytest.mark.parametrize("is_async", [False, True])
async def test_a_model_s_statements_are_counted_and_what_is_not_proven_is_not(
    server: ModelServer, tmp_path_factory: pytest.TempPathFactory, is_async: bool
) -> None:
    index = tmp_path_factory.mktemp("model") / "index"
    server.says("The bridge at Harwick will cost 42 million pounds [1]. It was paid by the queen [1].", "1: NONE")
    with Assistant.open(index, "openai:tiny", base_url=server.base_url, timeout=60) as assistant:
        assistant.add(
            [
                Article("a", "Bridge", TEXT, outlet="Vale Observer"),
                Article("b", "Bridge", SAME, outlet="Harbour Courier"),
            ]
        )
        answer = await assistant.aask(QUESTION) if is_async else assistant.ask(QUESTION)

    proven, unproven = answer.statements
    assert sorted(proven.sources) == ["Harbour Courier", "Vale Observer"]
    assert (unproven.support.supported, unproven.sources) == (False, ())


@pytest.mark.parametrize(
    ("sentence", "core"),
    [
        (
            "The ferry is called Meridian, the minister Per Holm told reporters on Tuesday.",
            "The ferry is called Meridian",
        ),
        ("Foresters say that 12,000 trees were felled.", "12,000 trees were felled."),
        ("The strike lasts 10 days, according to the union.", "The strike lasts 10 days"),
        ("She said no.", "She said no."),
        ("“It is over, he said that it was,” the nurse said.", "“It is over, he said that it was,” the nurse said."),
    ],
)
def test_who_said_it_is_cut_off(sentence: str, core: str) -> None:
    assert cut_attribution(sentence) == core
