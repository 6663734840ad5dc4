"""An assistant that answers questions about news articles and proves every sentence of its answer.

from assistant import Assistant

with Assistant.open("index") as assistant:
    assistant.add("articles/")
    answer = assistant.ask("What are Putin's conditions?")
    for citation in answer.citations:
        print(citation.number, citation.quote, citation.article.title)
"""

from typing import TYPE_CHECKING, Any

from assistant.errors import (
    AnswerError,
    ArticleError,
    AssistantError,
    EvaluationError,
    FetchError,
    KindError,
    LibraryDamagedError,
    LibraryError,
    LibraryGoneError,
    LibraryLockedError,
    LibraryMismatchError,
    ModelError,
    PromptError,
    SettingsError,
)
from assistant.settings import Settings
from assistant.types import (
    Answer,
    Article,
    ArticleHash,
    ArticleRef,
    CheckedCitation,
    CheckReport,
    Citation,
    Conversation,
    ConversationRef,
    Diagnosis,
    ExportReport,
    Failure,
    Finding,
    IngestReport,
    Origin,
    Passage,
    PassedOver,
    QuotedPassage,
    RetrievedPassage,
    Revision,
    ScoreParts,
    Span,
    Statement,
    Support,
    Turn,
    Understood,
    UnprovenStatement,
    Usage,
)

if TYPE_CHECKING:
    from assistant.front import Assistant

__all__ = [
    "Answer",
    "AnswerError",
    "Article",
    "ArticleError",
    "ArticleHash",
    "ArticleRef",
    "Assistant",
    "AssistantError",
    "CheckReport",
    "CheckedCitation",
    "Citation",
    "Conversation",
    "ConversationRef",
    "Diagnosis",
    "EvaluationError",
    "ExportReport",
    "Failure",
    "FetchError",
    "Finding",
    "IngestReport",
    "KindError",
    "LibraryDamagedError",
    "LibraryError",
    "LibraryGoneError",
    "LibraryLockedError",
    "LibraryMismatchError",
    "ModelError",
    "Origin",
    "Passage",
    "PassedOver",
    "PromptError",
    "QuotedPassage",
    "RetrievedPassage",
    "Revision",
    "ScoreParts",
    "Settings",
    "SettingsError",
    "Span",
    "Statement",
    "Support",
    "Turn",
    "Understood",
    "UnprovenStatement",
    "Usage",
]


def __getattr__(name: str) -> Any:
    """Import the front door when it is first asked for: it needs numpy, and `assistant --help` doesn't."""
    if name == "Assistant":
        from assistant.front import Assistant

        return Assistant
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
