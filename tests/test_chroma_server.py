import gzip
import http.server
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chroma_runs import ChromaRun, make_name

from assistant.chroma_server import MAX_BATCH, ChromaServer, Collection, Record, being_patient
from assistant.errors import LibraryError, LibraryMismatchError

CHECKS = {"max_batch_size": 5461, "supports_base64_encoding": True}


class _Scripted(http.server.ThreadingHTTPServer):
    """Answers with what is in `answers`, a status and a value each, and at the end with the last; keeps the headers."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answers = list(answers)
        self.headers: list[dict[str, str]] = []
        self.pause = 0.0  # after each byte of an answer


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Scripted

    def do_GET(self) -> None:
        self.server.headers.append(dict(self.headers))
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status, value = self.server.answers.pop(0) if len(self.server.answers) > 1 else self.server.answers[0]
        is_packed = isinstance(value, bytes)
        body = value if is_packed else value.encode() if isinstance(value, str) else json.dumps(value).encode()
        self.send_response(status)
        if is_packed:
            self.send_header("Content-Encoding", "gzip")
        if 300 <= status < 400 and value:
            self.send_header("Location", value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.server.pause:
            self._drip(body)
        else:
            self.wfile.write(body)

    def _drip(self, body: bytes) -> None:
        with suppress(OSError):  # of a client that has gone
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(self.server.pause)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def scripted(*answers: tuple[int, Any], token: str | None = None) -> Iterator[tuple[_Scripted, ChromaServer]]:
    server = _Scripted(*answers)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    client = ChromaServer(f"http://127.0.0.1:{server.server_address[1]}/", token=token)
    try:
        yield server, client
    finally:
        client.close()
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_server_that_is_busy_is_asked_again() -> None:
    with scripted((503, ""), (500, {}), (429, {}), (200, {"nanosecond heartbeat": 7_000_000_001})) as (server, client):
        assert client.read_time() == 7
        assert len(server.headers) == 4


@pytest.mark.parametrize(
    ("status", "value", "message"),
    [
        (401, {"error": "Unauthorized"}, "ASSISTANT_CHROMA_TOKEN"),
        (403, "", "ASSISTANT_CHROMA_TOKEN"),
        (413, {}, "40 MiB"),
        (500, {"message": "it broke"}, "it broke"),
        (200, "<html>", "answers as no Chroma server of version 1.5 does .no JSON"),
        (308, "", "sends on to elsewhere; give the address of the Chroma server itself"),
    ],
)
def test_what_a_server_refuses_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, status: int, value: Any, message: str
) -> None:
    monkeypatch.setattr("assistant.chroma_server.FIRST_PAUSE", 0.001)
    with scripted((status, value)) as (_, client), pytest.raises(LibraryError, match=message) as caught:
        client.read_time()

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("count", {}),
        ("get", {}),
        ("get", []),
        ("get", {"ids": ["a"], "metadatas": []}),
        ("get", {"ids": ["a"], "metadatas": [7]}),
        ("query", {"ids": [[1, 2]], "distances": [["x", None]]}),
        ("query", {"ids": 7}),
    ],
)
def test_an_answer_of_another_shape_is_one_line(path: str, value: Any) -> None:
    with scripted((200, value)) as (_, client):
        collection = Collection(client, "/c", metadata={}, dimension=2)
        ask = {
            "count": collection.count,
            "get": lambda: collection.get(["a"]),
            "query": lambda: collection.nearest(np.ones(2, np.float32), limit=1),
        }

        with pytest.raises(LibraryError, match="answers as no Chroma server"):
            ask[path]()


@pytest.mark.parametrize("answer", [(404, {}), (200, {"max_batch_size": 1}), (200, [])])
def test_a_server_of_another_version_is_refused(answer: tuple[int, Any]) -> None:
    with scripted(answer) as (_, client), pytest.raises(LibraryMismatchError, match="another version"):
        client.find_collection("a.articles")


def test_no_server_is_an_error_that_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.chroma_server.READ_PATIENCE", 0.1)
    client = ChromaServer("http://127.0.0.1:9")

    with pytest.raises(LibraryError, match=r"http://127\.0\.0\.1:9: the Chroma server can't be reached"):
        client.read_time()
    client.close()


def test_a_server_that_says_nothing_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr("assistant.chroma_server.READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        client = ChromaServer(f"http://127.0.0.1:{silent.getsockname()[1]}")

        with pytest.raises(LibraryError, match=r"didn't answer within 0\.2 seconds"):
            client.read_time()
        client.close()


def test_a_server_that_drips_is_waited_for_only_so_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.chroma_server.READ_SECONDS", 0.2)
    with scripted((200, " " * 100)) as (server, client):
        server.pause = 0.05

        with pytest.raises(LibraryError, match=r"didn't answer within 0\.2 seconds"):
            client.read_time()


@pytest.mark.parametrize("answer", [" " * 1_000_001, gzip.compress(b" " * 20_000_000)])
def test_an_answer_without_end_is_not_read(answer: str | bytes) -> None:
    with scripted((200, answer)) as (_, client), pytest.raises(LibraryError, match="more than 1,000,000 bytes"):
        client.read_time()


def test_only_who_writes_is_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.chroma_server.READ_PATIENCE", 0.0)
    busy = [(503, "")] * 3
    with scripted(*busy, (200, {"nanosecond heartbeat": 7_000_000_001})) as (server, client):
        with pytest.raises(LibraryError, match="is busy"):
            client.read_time()
        assert len(server.headers) == 1
        with being_patient():
            assert client.read_time() == 7


@pytest.mark.parametrize(
    ("status", "said"),
    [
        (401, {"message": "no {}"}),
        (500, {"message": "bad token {} \x1b[2J"}),
        (404, {"message": "{}"}),
        (302, "http://elsewhere.example/?t={}"),
    ],
)
@pytest.mark.parametrize("repeated", ["canary-token", "canary"])
def test_the_token_is_sent_and_in_no_error(
    monkeypatch: pytest.MonkeyPatch, status: int, said: Any, repeated: str
) -> None:
    monkeypatch.setattr("assistant.chroma_server.FIRST_PAUSE", 0.001)
    answer = json.loads(json.dumps(said).replace("{}", repeated))
    with scripted((status, answer), token="canary-token") as (server, client):
        with pytest.raises(LibraryError) as caught:
            client.read_time()

        assert server.headers[0]["Authorization"] == "Bearer canary-token"
        assert "canary" not in str(caught.value)
        assert str(caught.value).isprintable()
        assert "canary" not in repr(client)


@pytest.fixture
def collection(chroma: ChromaRun) -> Iterator[Collection]:
    server = ChromaServer(chroma.url)
    yield server.make_collection(make_name(), metadata={"a": 1}, ef_search=100)
    server.close()


def make_records(count: int) -> list[Record]:
    angles = np.linspace(0, 1, count)
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    return [Record(f"id {n}", vector, {"n": n}, f"text {n}") for n, vector in enumerate(vectors)]


def test_more_records_than_a_request_holds_are_written_read_and_deleted(collection: Collection) -> None:
    records = make_records(MAX_BATCH + 5)

    collection.write(records)
    found = collection.get([record.id for record in records], include=("metadatas", "documents", "embeddings"))

    assert collection.count() == len(records)
    assert {each.id: (each.metadata["n"], each.document) for each in found} == {
        record.id: (record.metadata["n"], record.document) for record in records
    }
    by_id = {each.id: each.vector for each in found}
    assert all(np.array_equal(by_id[record.id], record.vector) for record in records)
    assert len(list(collection.find_all({"n": {"$gte": 2}}))) == len(records) - 2
    collection.delete([record.id for record in records])
    assert collection.count() == 0


def test_neighbours_come_nearest_first(collection: Collection) -> None:
    records = make_records(20)
    collection.write(records)

    found = collection.nearest(records[7].vector, limit=3, where={"n": {"$lte": 7}})

    assert [each.metadata["n"] for each in found] == [7, 6, 5]
    assert found[0].distance == pytest.approx(0, abs=1e-6)


def test_chroma_run_starts_no_server_in_python(chroma: ChromaRun) -> None:
    with urllib.request.urlopen(f"{chroma.url}/api/v2/heartbeat") as reply:
        assert "uvicorn" not in reply.headers.get("server", "")
    (command,) = (each for each in distribution("chromadb").entry_points if each.name == "chroma")
    module = Path(str(distribution("chromadb").locate_file(f"{command.module.replace('.', '/')}.py")))
    assert "chromadb_rust_bindings.cli(" in module.read_text(encoding="utf-8")
    assert "chromadb.server" not in module.read_text(encoding="utf-8")
