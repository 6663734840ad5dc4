"""The assistant as LangChain's parts: a retriever of passages, and a runnable that answers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from inspect import signature
from typing import Any

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableLambda

from assistant.errors import SettingsError
from assistant.types import Answer, RetrievedPassage

AnswerRunnable = Runnable[str | Mapping[str, Any], Answer]
Search = Callable[[str, int], Sequence[RetrievedPassage]]


class PassageRetriever(BaseRetriever):
    """Finds the `k` passages that bear on a question, best first.

    A document's metadata say which article it is of and where it stands there: `start` and `end` are offsets into the
    article's text.
    """

    search: Search
    k: int = 10

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002  # LangChain gives it
        k: int | None = None,
    ) -> list[Document]:
        return [_to_document(retrieved) for retrieved in self.search(query, self.k if k is None else k)]


def make_answerer(ask: Callable[..., Answer], aask: Callable[..., Awaitable[Answer]]) -> AnswerRunnable:
    """Make a runnable that answers a question, given alone or as a mapping of `ask`'s arguments."""
    known = tuple(signature(ask).parameters)

    def answer(question: str | Mapping[str, Any]) -> Answer:
        return ask(**_read(question, known))

    async def answer_async(question: str | Mapping[str, Any]) -> Answer:
        return await aask(**_read(question, known))

    return RunnableLambda(answer, afunc=answer_async, name="assistant")


def _read(question: str | Mapping[str, Any], known: Sequence[str]) -> dict[str, Any]:
    """Read what a runnable is given as arguments, the first of which is needed. Raises SettingsError."""
    if isinstance(question, str):
        return {known[0]: question}
    if not isinstance(question, Mapping) or known[0] not in question or not set(question) <= set(known):
        raise SettingsError(f"a runnable takes a question, or a mapping with a question and any of {', '.join(known)}")
    return dict(question)


def _to_document(retrieved: RetrievedPassage) -> Document:
    passage, article = retrieved.passage, retrieved.article
    return Document(
        id=f"{article.id}:{passage.start}-{passage.end}",
        page_content=passage.text,
        metadata={
            "article_id": article.id,
            "title": article.title,
            "outlet": article.outlet,
            "author": article.author,
            "published": article.published.isoformat() if article.published else None,
            "url": article.url,
            "start": passage.start,
            "end": passage.end,
            "score": retrieved.score,
        },
    )
