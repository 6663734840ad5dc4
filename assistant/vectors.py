"""Nearest neighbours of vectors: exact over an array, and from a Chroma generation. Only this module imports chromadb.

A generation is a folder with a Chroma collection that is built beside the others, closed, recorded and never written
by us again. Its ids are the library's passage ids, its distance is the cosine, and it holds nothing that the library
doesn't.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import struct
from collections.abc import Container, Iterable, Sequence
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self, cast

import numpy as np
import numpy.typing as npt

from assistant.errors import LibraryDamagedError, LibraryError

if TYPE_CHECKING:
    from chromadb.api.client import Client
    from chromadb.api.collection_configuration import CreateHNSWConfiguration
    from chromadb.api.models.Collection import Collection
    from chromadb.config import Settings

FloatArray = npt.NDArray[np.float32]
Neighbour = tuple[int, float]

COLLECTION = "passages"
DATABASE_FILE = "chroma.sqlite3"
SEGMENT_FILE = "index_metadata.pickle"  # the last of the files that Chroma writes a segment out to
BATCH = 1000
# How a segment's header begins: version, offset, places for vectors, vectors, and the bytes of one with its neighbours.
HEADER = struct.Struct("<iQQQQ")
LENGTH_BYTES = 4  # of a vector's length, in the file beside
LOCK_SECONDS = 0.5  # how long to wait for another program that has locked a generation's database
# Chroma's default search loses neighbours among near duplicates in a large collection; a wider one, for a millisecond
# more, keeps them. A denser graph than the default one is twice the work to build and finds no more.
HNSW: "CreateHNSWConfiguration" = {
    "space": "cosine",
    "ef_construction": 100,
    "max_neighbors": 16,
    "ef_search": 400,
    # What isn't written out to a segment is built anew by every process: 0.4 s for 900 vectors, not 0.01 s. And Chroma
    # then makes the segment's files of memory that isn't cleared, of whoever asks: it may hold what was forgotten.
    "batch_size": 1,
    "sync_threshold": 1,
}


ROUNDING = np.float32(1e-5)  # what sums of float32 differ by, in whatever order they are made

_USED_BY: dict[str, int] = {}  # the process that was the first to use Chroma


@dataclass(frozen=True, slots=True)
class SegmentFile:
    """One file of a generation's index as it was when closed: name in the folder, bytes, and time in nanoseconds.

    `sha256` is for a deep look only: hashing takes long beside a question, so two records without it can be equal.
    """

    name: str
    size: int
    modified: int
    sha256: str | None = field(default=None, compare=False)


class ScaledVectors(NamedTuple):
    """Vectors (n, d) of a byte a number, the scales (n,) that they are multiplied by, and their ids (n,)."""

    ids: npt.NDArray[np.int64]
    scales: FloatArray
    vectors: npt.NDArray[np.int8]


def exact_neighbours(query: FloatArray, ids: Sequence[int], vectors: FloatArray, limit: int) -> list[Neighbour]:
    """Find the rows of `vectors` (n, d) nearest to `query` (d,) as (id, cosine), nearest first; all of unit length."""
    if not len(ids):
        return []
    cosines = vectors @ query
    if np.isnan(cosines).any():
        raise LibraryDamagedError("a stored vector is damaged; `assistant doctor --repair` mends it")
    count = min(limit, len(ids))
    least = np.partition(cosines, -count)[-count]
    nearest = np.flatnonzero(cosines >= least).tolist()
    # The id breaks ties, so that equal vectors come in one order whatever their place.
    ordered = sorted(nearest, key=lambda row: (-cosines[row], ids[row]))[:count]
    return [(ids[row], float(cosines[row])) for row in ordered]


def screen_neighbours(query: FloatArray, batches: Iterable[ScaledVectors], limit: int) -> list[int]:
    """Find the ids of the vectors that can be among the `limit` nearest to `query` (d,), and of few others.

    Rounding moved a number by half a scale at most, and so a cosine by that times the sum of the query's numbers. What
    is further than twice this from the limit-th best can't be among the best.
    """
    reach = np.float32(np.abs(query).sum() / 2)
    ids, least, most = [np.zeros(0, np.int64)], [np.zeros(0, np.float32)], [np.zeros(0, np.float32)]
    for batch in batches:
        cosines = (batch.vectors.astype(np.float32) @ query) * batch.scales
        bounds = batch.scales * reach + ROUNDING
        ids.append(batch.ids)
        least.append(cosines - bounds)
        most.append(cosines + bounds)
    lowest, highest = np.concatenate(least), np.concatenate(most)
    needed = np.partition(lowest, -limit)[-limit] if len(lowest) > limit else np.float32(-np.inf)
    found: list[int] = np.concatenate(ids)[highest >= needed].tolist()
    return found


def build_generation(
    folder: Path, *, base: Path | None, keep: Container[int], add: Iterable[tuple[Sequence[int], FloatArray]]
) -> tuple[SegmentFile, ...]:
    """Build a generation in a folder that doesn't exist yet, from a copy of another one or from nothing.

    `keep` are the ids that may stay of the copy, `add` are batches of further ids with their vectors (n, d), each row
    of unit length. Returns the record of its segment files. Raises LibraryError where Chroma can't, as when the base is
    damaged.
    """
    import chromadb.errors

    if base is not None:
        shutil.copytree(base, folder)
    try:
        _fill_generation(folder, is_copy=base is not None, keep=keep, add=add)
    except chromadb.errors.ChromaError as error:
        raise LibraryError(f"{folder}: Chroma can't build its index there ({error})") from error
    _clear_unused(folder)
    for path in (*folder.rglob("*"), folder, folder.parent):
        sync(path)
    return tuple(replace(file, sha256=hash_file(folder / file.name)) for file in record_segments(folder))


def _fill_generation(
    folder: Path, *, is_copy: bool, keep: Container[int], add: Iterable[tuple[Sequence[int], FloatArray]]
) -> None:
    client = _open_client(folder)
    try:
        if is_copy:
            collection = client.get_collection(COLLECTION, embedding_function=None)
        else:
            collection = client.create_collection(COLLECTION, embedding_function=None, configuration={"hnsw": HNSW})
        stale = [id for id in collection.get(include=[])["ids"] if int(id) not in keep] if is_copy else []
        for start in range(0, len(stale), BATCH):
            collection.delete(ids=stale[start : start + BATCH])
        for ids, vectors in add:
            collection.upsert(ids=[str(id) for id in ids], embeddings=vectors)
    finally:
        client.close()


def _clear_unused(folder: Path) -> None:
    """Clear the places for further vectors, which Chroma writes out as it finds them in this process's memory."""
    for header in folder.glob("*/header.bin"):
        content = header.read_bytes()
        if len(content) < HEADER.size:
            continue  # damaged, which is for the record to show
        _, _, _, count, element_bytes = HEADER.unpack_from(content)
        for name, size in (("data_level0.bin", element_bytes), ("length.bin", LENGTH_BYTES)):
            with (header.parent / name).open("r+b") as file:
                end = file.seek(0, os.SEEK_END)
                if end > count * size:
                    file.truncate(count * size)
                    file.truncate(end)


def record_segments(folder: Path) -> tuple[SegmentFile, ...]:
    """Record the files of a closed generation that mustn't change, which are those that hold its vectors.

    Chroma writes to the database when it is only read. And as long as it has written out no segment, for there are few
    vectors and the database holds them, it makes the segment's other files anew with the first question.
    """
    files = []
    for written in sorted(folder.glob(f"*/{SEGMENT_FILE}")):
        for path in sorted(written.parent.iterdir()):
            status = path.stat()
            files.append(SegmentFile(path.relative_to(folder).as_posix(), status.st_size, status.st_mtime_ns))
    return tuple(files)


def sync(path: Path) -> None:
    """Wait until the disk holds a file or a folder, which Chroma leaves to chance: a power cut may come at any time."""
    # Not every file system can do it for a folder, nor may every user; SQLite puts up with that too.
    with suppress(OSError) if path.is_dir() else nullcontext():
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def hash_file(path: Path) -> str:
    """Hash the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_database(folder: Path) -> str | None:
    """Let SQLite check the database of a generation: what is wrong with it in a few words, or None."""
    try:
        connection = sqlite3.connect(f"{(folder / DATABASE_FILE).resolve().as_uri()}?mode=ro", uri=True)
        try:
            (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        return str(error)
    return None if said == "ok" else str(said)


def holds_links(folder: Path) -> bool:
    """Whether a generation is or holds a link. What it leads to isn't ours: Chroma would write there."""
    return folder.is_symlink() or any(path.is_symlink() for path in folder.rglob("*"))


def has_code(connection: sqlite3.Connection) -> bool:
    """Whether a database has triggers or views, which would run what somebody wrote into it; none of ours has any.

    From then on its own expressions may call nothing but SQLite's harmless functions.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    return bool(
        connection.execute("SELECT count(*) FROM sqlite_master WHERE type IN ('trigger', 'view')").fetchone()[0]
    )


def is_intact(folder: Path, recorded: tuple[SegmentFile, ...]) -> bool:
    """Whether a generation can be given to Chroma: its files are as recorded, and its database is one, and harmless."""
    try:
        if holds_links(folder):
            return False
        is_as_recorded = (folder / DATABASE_FILE).is_file() and record_segments(folder) == recorded
        return is_as_recorded and not _is_harmful(folder / DATABASE_FILE)
    except OSError:  # a writer may be deleting it
        return False


class Generation:
    """A published generation, open for queries."""

    def __init__(
        self, client: "Client", collection: "Collection", *, folder: Path, recorded: tuple[SegmentFile, ...]
    ) -> None:
        self._client = client
        self._collection = collection
        self._folder = folder
        self._recorded = recorded
        self._is_read = False

    @classmethod
    def open(cls, folder: Path, recorded: tuple[SegmentFile, ...]) -> Self | None:
        """Open a generation, or return None for one that is not what was recorded, which Chroma must not touch."""
        if not is_intact(folder, recorded):
            return None
        import chromadb.errors

        client = None
        try:
            client = _open_client(folder)
            collection = client.get_collection(COLLECTION, embedding_function=None)
        except (chromadb.errors.ChromaError, LibraryError, ValueError, OSError):
            if client is not None:
                client.close()
            return None
        return cls(client, collection, folder=folder, recorded=recorded)

    def nearest(self, query: FloatArray, limit: int) -> list[Neighbour] | None:
        """Find the nearest passages to `query` (d,) as (id, cosine), nearest first.

        None if Chroma can't answer, or if this was closed, which another thread may do at any time.
        """
        import chromadb.errors

        try:
            found = self._collection.query(query_embeddings=query[None], n_results=limit, include=["distances"])
        except (chromadb.errors.ChromaError, ValueError, AttributeError):
            return None  # subtle: AttributeError is how Chroma says that it is closed
        # Chroma reads the files with the first question, and takes those that went away meanwhile for an empty index.
        self._is_read = self._is_read or is_intact(self._folder, self._recorded)
        if not self._is_read:
            return None
        distances = found["distances"] or [[]]
        return [(int(id), 1.0 - distance) for id, distance in zip(found["ids"][0], distances[0], strict=True)]

    def ids(self) -> list[int] | None:
        """List the ids of all passages that it holds; None if Chroma can't."""
        import chromadb.errors

        try:
            return [int(id) for id in self._collection.get(include=[])["ids"]]
        except (chromadb.errors.ChromaError, ValueError, AttributeError):
            return None

    def close(self) -> None:
        """Release the files."""
        self._client.close()


def _open_client(folder: Path) -> "Client":
    import chromadb

    if _USED_BY.setdefault("process", os.getpid()) != os.getpid():
        # Its threads stayed behind in the parent, and it would wait for them for ever.
        raise LibraryError("Chroma can't be used after a fork; start processes with multiprocessing's spawn")
    return cast("Client", chromadb.PersistentClient(path=str(folder), settings=_make_settings()))


def _make_settings() -> "Settings":
    """Make Chroma's settings as it has them by default.

    Subtle: left alone it takes them from the environment, and from a .env in the folder that somebody happens to stand
    in, and those name classes to construct and servers to report to.
    """
    from chromadb.config import Settings

    return Settings(**{name: field.get_default() for name, field in Settings.model_fields.items()})


def _is_harmful(database: Path) -> bool:
    """Whether a database has code in it, or a configuration that names an embedding function to be constructed."""
    try:
        connection = sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True, timeout=LOCK_SECONDS)
        try:
            if has_code(connection):
                return True
            stored = connection.execute("SELECT config_json_str, schema_str FROM collections").fetchall()
        finally:
            connection.close()
        return any(holds_named_function(json.loads(text)) for row in stored for text in row if text)
    except (sqlite3.Error, ValueError, RecursionError):
        return True  # what can't be looked at can't be trusted


def holds_named_function(configuration: object) -> bool:
    """Whether a stored configuration, read of JSON, names an embedding function."""
    if isinstance(configuration, dict):
        function = configuration.get("embedding_function")
        # "legacy" and "unknown" are how Chroma writes that there is none.
        if isinstance(function, dict) and function.get("type") not in ("legacy", "unknown"):
            return True
        return any(holds_named_function(value) for value in configuration.values())
    return isinstance(configuration, list) and any(holds_named_function(value) for value in configuration)
