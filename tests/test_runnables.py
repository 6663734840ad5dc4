"""The assistant as LangChain's parts, tried with LangChain's own conformance tests."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.runnables import RunnablePassthrough
from langchain_tests.integration_tests import RetrieversIntegrationTests

from assistant import Answer, Article, Assistant, SettingsError
from assistant.models.runnables import PassageRetriever

# Three passages each, for the conformance tests ask for up to three.
SENTENCE = "The quick brown fox number {} jumps over the lazy dog near the old bridge, as the Forest Courier reported. "


@pytest.fixture(scope="module")
def assistant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Assistant]:
    with Assistant.open(tmp_path_factory.mktemp("runnables") / "index") as opened:
        text = "".join(SENTENCE.format(number) for number in range(60))
        opened.add([Article(id="fox", title="Fox clears dog", text=text, outlet="Forest Courier")])
        yield opened


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _use(self, assistant: Assistant) -> None:
        self.assistant = assistant

    @property
    def retriever_constructor(self) -> type[PassageRetriever]:
        return PassageRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"search": self.assistant.search}

    @property
    def retriever_query_example(self) -> str:
        return "What does the fox jump over?"


def test_a_document_says_where_it_stands(assistant: Assistant) -> None:
    (document,) = assistant.as_retriever(limit=1, outlet="Forest Courier").invoke("fox")

    metadata = document.metadata
    text = assistant.article(metadata["article_id"]).text
    assert text[metadata["start"] : metadata["end"]] == document.page_content
    assert (metadata["title"], metadata["outlet"], metadata["published"]) == ("Fox clears dog", "Forest Courier", None)
    assert assistant.as_retriever(since="2099-01-01").invoke("fox") == []


def test_a_runnable_answers_and_can_be_chained(assistant: Assistant) -> None:
    runnable = assistant.as_runnable()

    answer = runnable.invoke("What does the fox jump over?")
    filtered = runnable.invoke({"question": "What does the fox jump over?", "since": "2099-01-01"})
    chained = ({"question": RunnablePassthrough()} | runnable).invoke("What does the fox jump over?")

    assert isinstance(answer, Answer)
    assert "lazy dog" in answer.text
    assert filtered.abstained
    assert chained.statements == answer.statements
    assert [each.text for each in runnable.batch(["What does the fox jump over?"] * 2)] == [answer.text] * 2


async def test_a_runnable_answers_without_blocking(assistant: Assistant) -> None:
    answer = await assistant.as_runnable().ainvoke("What does the fox jump over?")

    assert "lazy dog" in answer.text


@pytest.mark.parametrize(
    "given",
    [5, None, [], {}, {"q": "fox"}, {"question": "fox", "colour": "red"}, {"question": "fox", 5: 5}, {"since": "2025"}],
    ids=str,
)
async def test_a_runnable_that_is_given_something_else_says_what_it_takes(assistant: Assistant, given: Any) -> None:
    runnable = assistant.as_runnable()

    with pytest.raises(SettingsError, match="any of question, history, outlet, since, until"):
        runnable.invoke(given)
    with pytest.raises(SettingsError, match="any of question, history, outlet, since, until"):
        await runnable.ainvoke(given)


@pytest.mark.parametrize(
    "wrong", [{"question": 5}, {"history": "fox"}, {"outlet": 5}, {"since": "soon"}, {"until": []}], ids=str
)
def test_a_runnable_refuses_what_ask_does(assistant: Assistant, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        assistant.as_runnable().invoke({"question": "fox", **wrong})


@pytest.mark.parametrize(
    "wrong", [{"limit": "x"}, {"limit": 0}, {"outlet": 5}, {"since": "soon"}, {"until": []}], ids=str
)
def test_a_retriever_refuses_what_search_does_when_it_is_made(assistant: Assistant, wrong: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        assistant.as_retriever(**wrong)


@pytest.mark.parametrize("given", [5, None, ["fox"]], ids=str)
def test_a_retriever_that_is_given_no_text_says_so(assistant: Assistant, given: Any) -> None:
    with pytest.raises(SettingsError, match="a question is text"):
        assistant.as_retriever().invoke(given)
    with pytest.raises(SettingsError, match="limit 'x'"):
        assistant.as_retriever().invoke("fox", k="x")


def test_making_the_assistant_loads_none_of_it(tmp_path: Path) -> None:
    script = f"assistant.Assistant.open({str(tmp_path)!r}, model='openai:tiny').close()\nprint(*sys.modules)"
    script = f"import sys, assistant\n{script}"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()

    assert not {"langchain", "langchain_core", "langchain_openai", "openai", "tiktoken", "httpx"} & set(loaded)
