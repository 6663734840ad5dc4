"""Speaks with a Chroma server, through version 2 of its HTTP interface.

Not through chromadb's own client: that waits for ever, never tries again, and constructs whatever a stored
configuration names (CVE-2026-45829). Every request here can be sent twice, so each one is, where the server is
restarting, busy or gone for a moment.
"""

import base64
import json
import random
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np

from assistant.errors import LibraryError, LibraryGoneError, LibraryMismatchError
from assistant.redaction import redact
from assistant.settings import is_chroma_cloud
from assistant.vectors import FloatArray, holds_named_function

if TYPE_CHECKING:
    import httpx2

# What Chroma Cloud allows, kept everywhere, so that a library can move there.
MAX_ID_BYTES = 128
MAX_DOCUMENT_BYTES = 16_384
MAX_VALUE_BYTES = 8_182
MAX_KEYS = 32
MAX_KEY_BYTES = 36
MAX_BATCH = 300  # records in one write, and in one answer
MAX_ENTRIES = 10_000  # in one answer of ids and distances alone, of a server of one's own
MAX_CONCURRENT = 8  # requests; 10 on one collection are too many

MAX_REQUEST_CHARACTERS = 8_000_000  # a server takes 40 MiB
CONNECT_SECONDS = 5.0
READ_SECONDS, WRITE_SECONDS = 10.0, 60.0  # that a server may take for one request
READ_PATIENCE, WRITE_PATIENCE = 3.0, 30.0  # for which a request is tried again
# What an answer may take: of a record, its values, text and vector of some thousand numbers, or its id and distance
# alone; and of anything else.
MAX_RECORD_BYTES, MAX_ENTRY_BYTES = 400_000, 400
MAX_SMALL_BYTES = 1_000_000
FAULT_RETRIES = 3  # of a request that a server says it failed at
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 2.0

_DEFAULT_TENANT, _DEFAULT_DATABASE = "default_tenant", "default_database"
_BUSY = (429, 502, 503, 504)
_FAULT = 500  # that of `chroma run` too, where it looks for what is being deleted at that moment
_IS_PATIENT: ContextVar[bool] = ContextVar("is_patient", default=False)

Value = str | int | float | bool
Where = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """A record on its way to a server: an id, a vector (d,) as float32, short metadata, and a text or none."""

    id: str
    vector: FloatArray
    metadata: Mapping[str, Value]
    document: str | None = None


@dataclass(frozen=True, slots=True)
class FoundRecord:
    """A record as a server gives it: what wasn't asked for is empty; `distance` is that from what was searched for."""

    id: str
    metadata: Mapping[str, Value]
    document: str = ""
    vector: FloatArray | None = None
    distance: float = 0.0


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer that has been read to its end; `location` is where a redirect leads."""

    status: int
    location: str | None
    body: bytes


@contextmanager
def being_patient() -> Iterator[None]:
    """Have the requests that this thread makes in the block tried again for as long as a write is."""
    token = _IS_PATIENT.set(True)
    try:
        yield
    finally:
        _IS_PATIENT.reset(token)


class ChromaServer:
    """A Chroma server, or Chroma Cloud; use it from any thread. Nothing is sent before something is asked.

    All methods raise LibraryError where it can't be reached, refuses, or answers with what it shouldn't, and
    LibraryMismatchError where it is of another version.
    """

    def __init__(
        self, url: str, *, token: str | None = None, tenant: str | None = None, database: str | None = None
    ) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._place = (tenant, database)
        self._guard = threading.Lock()
        self._client: httpx2.Client | None = None
        self._root: str | None = None

    def find_collection(self, name: str) -> "Collection | None":
        """Find a collection by its name. Raises LibraryMismatchError for one that isn't of this program's making."""
        stored = self.send("GET", f"{self._find_root()}/collections/{quote(name)}", may_miss=True)
        return None if stored is None else self._open_collection(name, stored)

    def make_collection(self, name: str, *, metadata: Mapping[str, Value], ef_search: int) -> "Collection":
        """Find a collection, or make it; two that do so at once get the same one."""
        found = self.find_collection(name)
        if found is not None:
            return found
        # The inner product of unit vectors is their cosine, and for it Chroma stores a vector as it is given.
        configuration = {"hnsw": {"space": "ip", "ef_search": ef_search}}
        request = {"name": name, "metadata": metadata, "configuration": configuration, "get_or_create": True}
        stored = self.send("POST", f"{self._find_root()}/collections", request, is_write=True)
        return self._open_collection(name, stored)

    def read_time(self) -> int:
        """Read the server's clock, in seconds of Unix time."""
        with self.understanding():
            return int(self.send("GET", "/api/v2/heartbeat")["nanosecond heartbeat"]) // 1_000_000_000

    @contextmanager
    def understanding(self) -> Iterator[None]:
        """Take an answer that isn't of the shape it should be for one of no Chroma server."""
        try:
            yield
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            raise self.misunderstood("an answer of another shape") from None

    def _open_collection(self, name: str, stored: Any) -> "Collection":
        if not isinstance(stored, dict) or not isinstance(stored.get("id"), str):
            raise self.misunderstood("a collection without an id")
        if holds_named_function([stored.get("configuration_json"), stored.get("schema")]):
            raise LibraryMismatchError(
                f"{self.url}: the collection {name} names an embedding function, so this program didn't make it;"
                " choose another name with --index"
            )
        metadata = stored.get("metadata")
        dimension = stored.get("dimension")
        return Collection(
            self,
            f"{self._find_root()}/collections/{quote(stored['id'])}",
            metadata=metadata if isinstance(metadata, dict) else {},
            dimension=dimension if isinstance(dimension, int) else None,
        )

    def _find_root(self) -> str:
        """Find out, once, whether the server is one that is spoken with here, and where it keeps our collections."""
        if self._root is None:
            checks = self.send("GET", "/api/v2/pre-flight-checks", may_miss=True)
            if not isinstance(checks, dict) or checks.get("supports_base64_encoding") is not True:
                raise LibraryMismatchError(
                    f"{self.url}: no Chroma server, or one of another version; this program speaks with 1.5"
                )
            tenant, database = self._place
            if tenant is None or database is None:
                identity = self.send("GET", "/api/v2/auth/identity")
                known = identity if isinstance(identity, dict) else {}
                databases = known.get("databases") or [_DEFAULT_DATABASE]
                tenant = tenant or known.get("tenant") or _DEFAULT_TENANT
                if database is None and len(databases) != 1:
                    raise LibraryError(f"{self.url}: has several databases; name one with CHROMA_DATABASE")
                database = database or databases[0]
            self._root = f"/api/v2/tenants/{quote(str(tenant), safe='')}/databases/{quote(str(database), safe='')}"
        return self._root

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        is_write: bool = False,
        may_miss: bool = False,
        max_bytes: int = MAX_SMALL_BYTES,
    ) -> Any:
        """Send a request until it is answered, and return what the answer holds; None for a miss where that may be.

        The answer has at most so many bytes when it is unpacked.
        """
        import httpx2

        patience = time.monotonic() + (WRITE_PATIENCE if is_write or _IS_PATIENT.get() else READ_PATIENCE)
        seconds = WRITE_SECONDS if is_write else READ_SECONDS
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        pause, faults = FIRST_PAUSE, 0
        while True:
            answer = None
            try:
                answer = self._ask(method, path, content, seconds=seconds, max_bytes=max_bytes)
                failure = f"is busy (HTTP status {answer.status})"
            except httpx2.TimeoutException:
                failure = f"didn't answer within {seconds:g} seconds"
            except httpx2.HTTPError as error:
                failure = f"can't be reached ({self.redact(str(error)) or type(error).__name__})"
            except RuntimeError as error:  # how a client says that it is closed
                raise LibraryError("the assistant is closed; open it again") from error
            pause = min(pause * 2, LONGEST_PAUSE)
            is_last = time.monotonic() + pause > patience or "within" in failure
            if answer is not None:
                faults += answer.status == _FAULT
                may_pass = answer.status == _FAULT and faults <= FAULT_RETRIES and not is_last
                if answer.status not in _BUSY and not may_pass:
                    return self._read(answer, may_miss=may_miss)
            if is_last:
                raise LibraryError(f"{self.url}: the Chroma server {failure}; see that it runs, and try again")
            time.sleep(pause * random.uniform(0.5, 1.0))  # noqa: S311  # so that those who wait don't come back at once

    def _ask(self, method: str, path: str, content: bytes | None, *, seconds: float, max_bytes: int) -> "_Answer":
        """Send a request once, and read its answer while there is time and as far as it may go."""
        import httpx2

        until = time.monotonic() + seconds
        timeout = httpx2.Timeout(seconds, connect=CONNECT_SECONDS)
        with self._open_client().stream(method, f"{self.url}{path}", content=content, timeout=timeout) as response:
            body = bytearray()
            for piece in response.iter_bytes():
                body += piece
                if len(body) > max_bytes:
                    raise self.misunderstood(f"more than {max_bytes:,} bytes where no answer has as many")
                # Subtle: a client's own timeout is for each read, of which a server that drips answers every one.
                if time.monotonic() > until:
                    raise httpx2.ReadTimeout("the answer isn't at its end")
            return _Answer(response.status_code, response.headers.get("Location"), bytes(body))

    def _read(self, answer: "_Answer", *, may_miss: bool) -> Any:
        status = answer.status
        if status == 404 and may_miss:
            return None
        try:
            value = json.loads(answer.body)
        except (ValueError, RecursionError):
            value = None
        if status < 300 and value is not None:
            return value
        if status < 300:
            raise self.misunderstood("no JSON")
        if 300 <= status < 400:
            # It isn't followed, for the token would go along.
            address = self.redact(answer.location or "elsewhere")
            raise LibraryError(f"{self.url}: sends on to {address}; give the address of the Chroma server itself")
        if status in (401, 403):
            raise LibraryError(
                f"{self.url}: the Chroma server refuses (HTTP status {status}); set ASSISTANT_CHROMA_TOKEN, or"
                " CHROMA_API_KEY for Chroma Cloud"
            )
        message = value.get("message") if isinstance(value, dict) else None
        said = self.redact(message) if isinstance(message, str) else ""
        if status == 404:
            raise LibraryGoneError(
                f"{self.url}: the library was deleted or made anew, or its database isn't there"
                f"{f' ({said})' if said else ''}; try again, or index the articles again"
            )
        if status == 413:
            raise LibraryError(f"{self.url}: the Chroma server takes no request of this size; let it take 40 MiB")
        raise self.misunderstood(f"HTTP status {status}{f', {said}' if said else ''}")

    def redact(self, message: str) -> str:
        """Make what a server says one short line without the token."""
        return redact(message, (self._token,))

    def misunderstood(self, what: str) -> LibraryError:
        """Say that a server answered with what it shouldn't."""
        return LibraryError(f"{self.url}: answers as no Chroma server of version 1.5 does ({what})")

    def _open_client(self) -> "httpx2.Client":
        import httpx2

        with self._guard:
            if self._client is None:
                headers = {"Content-Type": "application/json"}
                if self._token and is_chroma_cloud(self.url):
                    headers["X-Chroma-Token"] = self._token
                elif self._token:
                    headers["Authorization"] = f"Bearer {self._token}"
                limits = httpx2.Limits(max_connections=MAX_CONCURRENT, keepalive_expiry=30.0)
                self._client = httpx2.Client(headers=headers, limits=limits)
            return self._client

    def close(self) -> None:
        """Close the connections; closing twice is fine."""
        with self._guard:
            client = self._client
        if client is not None:
            client.close()


class Collection:
    """A collection of a Chroma server."""

    def __init__(
        self, server: ChromaServer, path: str, *, metadata: Mapping[str, Value], dimension: int | None
    ) -> None:
        self.metadata = metadata
        self.dimension = dimension  # as it was when this was found
        self._server = server
        self._path = path

    @property
    def max_entries(self) -> int:
        """How many records one answer may list by their ids and distances alone."""
        return MAX_BATCH if is_chroma_cloud(self._server.url) else MAX_ENTRIES

    def count(self) -> int:
        """Count the records."""
        with self._server.understanding():
            return int(self._server.send("GET", f"{self._path}/count"))

    def write(self, records: Sequence[Record]) -> None:
        """Write records, in the place of those of their ids, in as few requests as the limits allow."""
        for batch in _cut(records):
            request = {
                "ids": [record.id for record in batch],
                "embeddings": [_encode(record.vector) for record in batch],
                "metadatas": [record.metadata for record in batch],
                "documents": [record.document for record in batch],
            }
            self._server.send("POST", f"{self._path}/upsert", request, is_write=True)

    def delete(self, ids: Sequence[str]) -> None:
        """Delete the records of these ids, as far as there are any."""
        for start in range(0, len(ids), MAX_BATCH):
            request = {"ids": ids[start : start + MAX_BATCH]}
            self._server.send("POST", f"{self._path}/delete", request, is_write=True)

    def get(self, ids: Sequence[str], *, include: Sequence[str] = ("metadatas",)) -> list[FoundRecord]:
        """Get the records of these ids, as far as there are any, in no order."""
        found: list[FoundRecord] = []
        for start in range(0, len(ids), MAX_BATCH):
            request = {"ids": list(ids[start : start + MAX_BATCH]), "include": list(include)}
            found += self._send("get", request, count=len(request["ids"]))
        return found

    def find(
        self,
        where: Where | None = None,
        *,
        where_document: Where | None = None,
        limit: int = MAX_BATCH,
        offset: int = 0,
        include: Sequence[str] = ("metadatas",),
    ) -> list[FoundRecord]:
        """Find records that conditions let through."""
        request = {"limit": limit, "offset": offset, "include": list(include)}
        request |= {"where": where} if where else {}
        request |= {"where_document": where_document} if where_document else {}
        return self._send("get", request, count=limit)

    def find_all(self, where: Where | None, *, include: Sequence[str] = ("metadatas",)) -> Iterator[FoundRecord]:
        """Find all records that a condition lets through, a batch at a time."""
        offset = 0
        while found := self.find(where, offset=offset, include=include):
            yield from found
            if len(found) < MAX_BATCH:
                return
            offset += len(found)

    def nearest(
        self,
        query: FloatArray,
        *,
        limit: int,
        where: Where | None = None,
        include: Sequence[str] = ("distances", "metadatas", "documents"),
    ) -> list[FoundRecord]:
        """Find the records nearest to a unit vector (d,), nearest first."""
        request = {"query_embeddings": [query.tolist()], "n_results": limit, "include": list(include)}
        return self._send("query", request | ({"where": where} if where else {}), count=limit)

    def _send(self, kind: str, request: Mapping[str, Any], *, count: int) -> list[FoundRecord]:
        """Send a request for at most so many records, and read them."""
        size = MAX_ENTRY_BYTES if set(request["include"]) <= {"distances"} else MAX_RECORD_BYTES
        answer = self._server.send("POST", f"{self._path}/{kind}", request, max_bytes=MAX_SMALL_BYTES + count * size)
        with self._server.understanding():
            if kind == "query":
                answer = {name: (rows or [None])[0] for name, rows in answer.items() if name != "include"}
            return self._read_columns(answer)

    def _read_columns(self, answer: Mapping[str, Any]) -> list[FoundRecord]:
        ids = answer["ids"]
        columns = [answer.get(name) for name in ("metadatas", "documents", "embeddings", "distances")]
        rows = zip(ids, *(column if column is not None else [None] * len(ids) for column in columns), strict=True)
        return [
            FoundRecord(
                str(id),
                dict(metadata or {}),
                str(document or ""),
                None if vector is None else np.array(vector, np.float32),
                float(distance or 0),
            )
            for id, metadata, document, vector, distance in rows
        ]


def _cut(records: Sequence[Record]) -> Iterator[list[Record]]:
    """Cut records into batches that one request may hold."""
    batch: list[Record] = []
    size = 0
    for record in records:
        values = sum(len(value) for value in record.metadata.values() if isinstance(value, str))
        length = len(record.document or "") + values + 2 * record.vector.nbytes
        if batch and (len(batch) == MAX_BATCH or size + length > MAX_REQUEST_CHARACTERS):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def _encode(vector: FloatArray) -> str:
    return base64.b64encode(np.ascontiguousarray(vector, "<f4").tobytes()).decode()
