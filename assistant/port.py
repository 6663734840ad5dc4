"""What a library is to who asks it and fills it: `library` is one on this machine, `shared` one on a server."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

from assistant.schema import EmbeddedPassage, PackedPassage, PassageFilter
from assistant.snapshot import EVERYTHING, StoredPassage
from assistant.sources import Item, KnownSource
from assistant.types import Article, ArticleRef, Passage, Revision
from assistant.vectors import FloatArray, Neighbour


class Snapshot(Protocol):
    """One state of a library, open for a question; for one thread."""

    @property
    def passage_count(self) -> int:
        """How many passages there are."""

    @property
    def dimension(self) -> int | None:
        """How many numbers a vector has, or None where there is none."""

    @property
    def is_published(self) -> bool:
        """Whether what finds passages knows all of this state, or so nearly that it needn't be told yet."""

    @property
    def has_forgotten(self) -> bool:
        """Whether nothing is left to do of what was removed."""

    def open_index(self) -> None:
        """Open now what the first search takes most of its time for."""

    def articles(self) -> tuple[ArticleRef, ...]:
        """List the articles in the order in which they were added."""

    def article(self, article_id: str) -> Article | None:
        """Get an article with its text, or None where there is none of that id."""

    def copies(self, article_id: str) -> tuple[Article, ...]:
        """List the copies of an article, the earliest published first."""

    def revisions(self, article_id: str) -> tuple[Revision, ...]:
        """List what an article was, as far as that is kept, and last what it is; nothing where there is none."""

    def passages(self, article_id: str) -> tuple[Passage, ...]:
        """List the passages of an article in their order."""

    def hash(self, article_id: str) -> str | None:
        """Get the hash of an article, or None where there is none of that id."""

    def packed_articles(self) -> Iterator[tuple[Article, list[PackedPassage]]]:
        """Read all articles with their passages and vectors as they are stored, in the order of their ids."""

    def find_vectors(self, article: Article) -> list[PackedPassage]:
        """Read the stored passages of an article's id, where its title and text are stored as here; else nothing."""

    def content_hash(self) -> str:
        """Hash all that is known: equal for equal articles, passages and vectors."""

    def sources(self) -> list[KnownSource]:
        """List the sources that are remembered, in the order in which they were first given."""

    def items(self, names: Sequence[str]) -> dict[str, Item]:
        """List what is remembered of the items of these names, by name."""

    def items_of(self, source: str) -> dict[str, Item]:
        """List what a source held when it was looked at last, by name."""

    def held(self) -> list[tuple[str, str, str]]:
        """List which source holds which article in which item, as (source, item, article id)."""

    def was_removed(self, article_id: str) -> bool:
        """Whether an article is known to have been removed by hand, and not given again since."""

    def outlets(self) -> tuple[str, ...]:
        """List the outlets of the articles, in the order of the alphabet."""

    def has_articles(self, filter: PassageFilter) -> bool:
        """Whether a filter lets any article through."""

    def newest_day(self, *, before: datetime | date | None = None) -> date | None:
        """Find the day, in its own zone, of the newest article, of all or of those before."""

    def propose(
        self,
        terms: Sequence[str],
        vector: Callable[[], FloatArray],
        *,
        matched: int,
        nearest: int,
        filter: PassageFilter = EVERYTHING,
    ) -> list[Neighbour]:
        """Find what may bear on a question of these terms and this unit vector (d,): what `load` then loads."""

    def nearest(self, query: FloatArray, *, limit: int, filter: PassageFilter = EVERYTHING) -> list[Neighbour]:
        """Find the passages nearest to a unit vector (d,) as (id, cosine), nearest first."""

    def match(self, terms: Sequence[str], *, limit: int, filter: PassageFilter = EVERYTHING) -> list[Neighbour]:
        """Find passages that hold any of the terms, best first."""

    def load(self, ids: Sequence[int]) -> list[StoredPassage]:
        """Load passages that were found, with their texts and vectors, in the order of their ids."""

    def document_frequencies(self, terms: Sequence[str]) -> dict[str, int]:
        """Count the passages that hold each term, or estimate that."""


class Library(Protocol):
    """A library: one writes to it within `writing`, and asks its snapshots."""

    @property
    def folder(self) -> Path:
        """The folder that it is in, or that names it."""

    @property
    def place(self) -> str:
        """Where it is, for a message."""

    @property
    def embedding_model(self) -> str:
        """The identity of the embedding model that made its vectors."""

    @property
    def exists(self) -> bool:
        """Whether anything was ever added here."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """Open the state that was written last."""

    def patient(self) -> AbstractContextManager[None]:
        """Have what this thread asks waited for as long as a write is: nobody sits and waits for the answer."""

    def writing(self) -> AbstractContextManager[None]:
        """Be a writer, and make the library where there is none."""

    def check(self, article: Article, passages: Sequence[Passage]) -> None:
        """Refuse an article that can't be stored. Raises ArticleError."""

    def add(
        self,
        articles: Iterable[tuple[Article, Sequence[EmbeddedPassage | PackedPassage]]],
        items: Iterable[tuple[KnownSource, Item]] = (),
    ) -> None:
        """Store articles, each whole and in the place of the one of its id."""

    def remove(self, article_id: str, *, by_hand: bool = True) -> bool:
        """Remove an article; False where there is none of that id."""

    def forget_source(self, name: str) -> None:
        """Forget a source; its articles stay."""

    def publish(self, *, anew: bool = False) -> None:
        """Finish what was written."""

    def content_hash(self) -> str:
        """Hash all that the library knows."""

    def close(self) -> None:
        """Close the library for good."""
