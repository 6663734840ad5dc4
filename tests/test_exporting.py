import base64
import hashlib
import json
import multiprocessing
import os
import signal
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fakes import NEWS_TEXTS, WordEmbedder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from assistant.errors import LibraryDamagedError, LibraryError, LibraryMismatchError
from assistant.exporting import export_library, import_library
from assistant.ingest import add_sources
from assistant.library import Library
from assistant.preparing import embed_articles
from assistant.settings import LIBRARY_FILE
from assistant.shared import SharedLibrary
from assistant.types import Article, Origin

DIMENSION = 256

Articles = tuple[Article, Article, Article]
Line = dict[str, Any]


@contextmanager
def opened(folder: Path, *, embedding_model: str = "words") -> Iterator[Library]:
    library = Library(folder, embedding_model=embedding_model)
    try:
        yield library
    finally:
        library.close()


def fill(library: Library, *articles: Article) -> None:
    report = add_sources(list(articles), library=library, embedder=WordEmbedder())
    assert not report.failed


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, articles: Articles) -> bytes:
    """The export of the three articles."""
    folder = tmp_path_factory.mktemp("exported")
    with opened(folder / "index") as library:
        fill(library, *articles)
        export_library(folder / "export.jsonl", library=library)
    return (folder / "export.jsonl").read_bytes()


@pytest.fixture
def file(exported: bytes, tmp_path: Path) -> Path:
    path = tmp_path / "export.jsonl"
    path.write_bytes(exported)
    return path


def refuse(path: Path, library: Library, error: type[LibraryError], message: str | None = None) -> None:
    """Check that a file is refused in one line, and nothing is written."""
    before = library.content_hash() if library.exists else None
    with pytest.raises(error, match=message) as refused:
        import_library(path, library=library)
    assert len(str(refused.value).splitlines()) == 1
    assert library.exists == (before is not None)
    assert before is None or library.content_hash() == before


def forge(exported: bytes, change: Callable[[list[Line]], object]) -> bytes:
    """Change an export as somebody would who knows how its end is made."""
    lines = [json.loads(line) for line in exported.splitlines()]
    change(lines)
    body = [json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode() + b"\n" for line in lines[:-1]]
    counts = {
        "articles": sum("article" in line for line in lines[:-1]),
        "passages": sum("passage" in line for line in lines[:-1]),
        "sha256": hashlib.sha256(b"".join(body)).hexdigest(),
    }
    return b"".join(body) + json.dumps(counts, separators=(",", ":")).encode() + b"\n"


# There and back -------------------------------------------------------------------------------------------------------


def test_an_import_makes_an_equal_library_without_embedding(library: Library, articles: Articles, file: Path) -> None:
    report = import_library(file, library=library)

    assert report.added == ("fox", "jill", "lamb")
    assert (report.updated, report.unchanged, report.failed) == ((), (), ())
    with library.snapshot() as snapshot:
        assert [snapshot.article(article.id) for article in articles] == list(articles)
        assert report.passages == snapshot.passage_count
        assert snapshot.is_published
        assert snapshot.load([id for id, _ in snapshot.match(["fleece"], limit=1)])[0].article.id == "lamb"
        assert snapshot.nearest(WordEmbedder().embed_questions(["pail of water"])[0], limit=1)
    with opened(library.folder.with_name("other")) as other:
        fill(other, *reversed(articles))
        assert other.content_hash() == library.content_hash()


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow])
@given(
    text=NEWS_TEXTS.map(lambda text: text.replace("\0", "")).filter(str.strip),
    title=st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50),
    author=st.none() | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20),
    published=st.none() | st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=-9, minutes=-30))])),
)
def test_any_article_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, text: str, title: str, author: str | None, published: datetime | None
) -> None:
    folder = tmp_path_factory.mktemp("any")
    article = Article("any", title, text, author=author, published=published)
    with opened(folder / "one") as one, opened(folder / "other") as other:
        with one.writing():
            one.add(embed_articles([article], WordEmbedder()))
        export_library(folder / "a", library=one)
        _import_unpublished(folder / "a", other)
        export_library(folder / "b", library=other)

        assert other.content_hash() == one.content_hash()
        with other.snapshot() as snapshot:
            assert snapshot.article("any") == article
    assert (folder / "a").read_bytes() == (folder / "b").read_bytes()


def _import_unpublished(path: Path, library: Library) -> None:
    library.publish = lambda: None  # type: ignore[method-assign]  # Chroma takes long, and isn't what is tested
    import_library(path, library=library)


def test_equal_libraries_make_equal_files_whatever_their_history(
    library: Library, articles: Articles, exported: bytes, tmp_path: Path
) -> None:
    fill(library, replace(articles[0], text="Something else entirely."), articles[2])
    fill(library, articles[1])
    fill(library, articles[0])

    report = export_library(tmp_path / "again", library=library)

    assert (tmp_path / "again").read_bytes() == exported
    assert (report.articles, report.size) == (3, len(exported))
    assert hashlib.sha256(exported[: exported.rindex(b"\n", 0, -1) + 1]).hexdigest() == report.sha256


def test_the_hash_of_the_content_notices_any_change(library: Library, articles: Articles) -> None:
    fill(library, *articles)
    hashes = {library.content_hash()}

    for change in (
        "UPDATE articles SET author = 'Another' WHERE article_id = 'fox'",
        "UPDATE passage_vectors SET vector = zeroblob(length(vector)) WHERE passage = 1",
        "UPDATE sentence_vectors SET vectors = zeroblob(length(vectors)) WHERE passage = 1",
        "UPDATE sentence_vectors SET scales = zeroblob(length(scales)) WHERE passage = 1",
        "DELETE FROM passages WHERE id = 1",
    ):
        with library.writing(), library._transaction() as connection:
            connection.execute(change)
        hashes.add(library.content_hash())

    assert len(hashes) == 6


def test_an_import_into_a_library_replaces_what_differs(library: Library, articles: Articles, file: Path) -> None:
    fill(library, articles[0], replace(articles[1], text="An older text."), replace(articles[0], id="own"))

    report = import_library(file, library=library)

    assert (report.added, report.updated, report.unchanged) == (("lamb",), ("jill",), ("fox",))
    with library.snapshot() as snapshot:
        assert snapshot.article("jill") == articles[1]
        assert snapshot.match(["older"], limit=1) == []
        assert snapshot.article("own") is not None
    again = import_library(file, library=library)
    assert (again.added, again.updated, again.unchanged) == ((), (), ("fox", "jill", "lamb"))


def test_progress_is_told_by_articles(library: Library, file: Path, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []

    import_library(file, library=library, progress=lambda *step: told.append(step))
    export_library(tmp_path / "again", library=library, progress=lambda *step: told.append(step))

    assert told == [(1, 3), (2, 3), (3, 3)] * 2


def test_export_and_import_hold_few_articles_at_a_time(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.exporting.BATCH_PASSAGES", 50)
    text = " ".join(f"Sentence number {number} is here." for number in range(600))
    fill(library, *(Article(f"a{number:02}", "Long", f"{number} {text}") for number in range(30)))
    path = tmp_path / "export.jsonl"
    tracemalloc.start()

    export_library(path, library=library)
    written = tracemalloc.get_traced_memory()[1]
    tracemalloc.reset_peak()
    with opened(tmp_path / "other") as other:
        _import_unpublished(path, other)
    read = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    size = path.stat().st_size
    assert size > 8_000_000
    assert max(written, read) < size / 4


# Writing -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["file", "folder", "dangling link"])
def test_nothing_is_ever_overwritten(library: Library, articles: Articles, tmp_path: Path, kind: str) -> None:
    fill(library, *articles)
    path = tmp_path / "there"
    if kind == "file":
        path.write_text("mine")
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to(tmp_path / "nowhere")

    with pytest.raises(LibraryError, match="exists already"):
        export_library(path, library=library)

    assert kind != "file" or path.read_text() == "mine"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["index", "there"]


def test_who_is_faster_is_not_overwritten_either(library: Library, articles: Articles, tmp_path: Path) -> None:
    fill(library, *articles)
    path = tmp_path / "there"

    with pytest.raises(LibraryError, match="exists already"):
        export_library(path, library=library, progress=lambda *_: path.write_text("mine") and None)

    assert path.read_text() == "mine"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["index", "there"]


def test_an_export_that_fails_or_is_killed_leaves_no_file_of_its_name(
    library: Library, articles: Articles, tmp_path: Path
) -> None:
    fill(library, *articles)

    def fail(*_: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export_library(tmp_path / "export", library=library, progress=fail)
    assert [found.name for found in tmp_path.iterdir()] == ["index"]

    process = multiprocessing.get_context("spawn").Process(
        target=_export_and_die, args=(library.folder, tmp_path / "export")
    )
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert not (tmp_path / "export").exists()
    export_library(tmp_path / "export", library=library)


def _export_and_die(folder: Path, path: Path) -> None:
    export_library(
        path, library=Library(folder, embedding_model="words"), progress=lambda *_: os.kill(os.getpid(), signal.SIGKILL)
    )


def test_an_empty_library_has_nothing_to_export(library: Library, tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="no articles yet"):
        export_library(tmp_path / "export", library=library)

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_one_line(library: Library, articles: Articles, tmp_path: Path) -> None:
    fill(library, *articles)

    with pytest.raises(LibraryError, match="can't be written") as refused:
        export_library(tmp_path / "nowhere" / "export", library=library)

    assert len(str(refused.value).splitlines()) == 1


# Refusals ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_empty", [True, False])
def test_a_file_that_was_cut_off_anywhere_is_refused(
    library: Library, articles: Articles, file: Path, exported: bytes, is_empty: bool
) -> None:
    if not is_empty:
        fill(library, replace(articles[0], text="Mine."))
    lines = [position + 1 for position, byte in enumerate(exported) if byte == ord("\n")][:-1]
    for end in [1, 20, *lines, *(line - 1 for line in lines), *range(200, len(exported), 701), len(exported) - 1]:
        file.write_bytes(exported[:end])
        refuse(file, library, LibraryDamagedError)


def test_one_flipped_bit_anywhere_is_refused(library: Library, file: Path, exported: bytes) -> None:
    start = exported.rindex(b"\n", 0, -1)
    places = np.random.default_rng(0).integers(0, start, 200).tolist()
    for place in [*range(80), *places, *range(start, len(exported))]:
        altered = bytearray(exported)
        altered[place] ^= 1 << place % 8
        file.write_bytes(altered)
        refuse(file, library, LibraryError)


@pytest.mark.parametrize("extra", [b"\n", b" ", b"{}\n", b"x"])
def test_what_stands_after_the_end_is_refused(library: Library, file: Path, exported: bytes, extra: bytes) -> None:
    file.write_bytes(exported + extra)
    refuse(file, library, LibraryDamagedError, "goes on after its end")


def test_another_embedding_model_is_refused(tmp_path: Path, file: Path) -> None:
    with opened(tmp_path / "other", embedding_model="letters") as library:
        refuse(file, library, LibraryMismatchError, "made with the embedding model words, not letters")


def test_another_dimension_is_refused(library: Library, file: Path, exported: bytes, articles: Articles) -> None:
    with pytest.raises(LibraryMismatchError, match="vectors of 256 numbers, and those of words have 384"):
        import_library(file, library=library, dimension=384)
    assert not library.exists

    fill(library, *articles)
    file.write_bytes(forge(exported, lambda lines: lines[0].update(dimension=128)))
    refuse(file, library, LibraryMismatchError, "have 256")


def test_a_newer_format_is_refused(library: Library, file: Path, exported: bytes) -> None:
    file.write_bytes(forge(exported, lambda lines: lines[0].update(news_assistant_export=3, more="?")))
    refuse(file, library, LibraryMismatchError, r"a newer version of the assistant \(format 3, this")


@pytest.mark.parametrize(
    "content",
    [
        b"{}\n",
        b'{"news_assistant_export":true}\n',
        b'{"news_assistant_export":0}\n',
        b'{"news_assistant_export":"1"}\n',
    ],
)
def test_somebody_elses_json_is_no_export(library: Library, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    refuse(file, library, LibraryError, "is no export of a library")


@pytest.mark.parametrize(
    "content",
    [b"", b"\n", b"SQLite\0" * 99, b"[]\n", b"[" * 60_000 + b"\n", b"9" * 60_000 + b"\n", b"x" * 200_000, b"\xff\n"],
    ids=["empty", "blank", "binary", "list", "nested", "number", "long", "not UTF-8"],
)
def test_anything_else_is_no_export(library: Library, file: Path, content: bytes) -> None:
    file.write_bytes(content)
    refuse(file, library, LibraryDamagedError, "no export|not what an export holds")


def test_what_is_no_file_is_refused(library: Library, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    refuse(tmp_path, library, LibraryError, "is no file")
    refuse(tmp_path / "pipe", library, LibraryError, "is no file")
    refuse(tmp_path / "nowhere", library, LibraryError, "can't be read")
    refuse(tmp_path / "no\0where", library, LibraryError, "is no name of a file")


def _set(kind: str, **fields: object) -> Callable[[list[Line]], object]:
    return lambda lines: next(line for line in lines if kind in line)[kind].update(fields)


def _encode(*numbers: float, of: str = "<f4") -> str:
    return base64.b64encode(np.array(numbers, of).tobytes()).decode()


def _scaled(factor: float) -> Callable[[list[Line]], object]:
    def scale(lines: list[Line]) -> None:
        passage = lines[2]["passage"]
        vector = np.frombuffer(base64.b64decode(passage["vector"]), "<f4") * factor
        passage["vector"] = _encode(*vector)

    return scale


FORGERIES: dict[str, Callable[[list[Line]], object]] = {
    "an id of nothing": _set("article", id=" "),
    "an id that is a number": _set("article", id=7),
    "an id that a terminal obeys": _set("article", id="\x1b[2J"),
    "a language that is none": _set("article", language="en" * 100),
    "no title": _set("article", title=None),
    "a text with NUL": _set("article", text="a\0b"),
    "half a surrogate pair": lambda lines: lines[1]["article"].update(author="?"),  # put in below, as JSON escapes it
    "another text": _set("article", text="Short."),
    "a longer text": lambda lines: lines[1]["article"].update(text=lines[1]["article"]["text"] + " More."),
    "no time": _set("article", published="yesterday"),
    "a time without a zone": _set("article", published="2025-03-15T09:30:00"),
    "a field more": _set("article", hash="00"),
    "a field less": lambda lines: lines[1]["article"].pop("url"),
    "an article that is a list": lambda lines: lines[1].update(article=[]),
    "a line with two things": lambda lines: lines[1].update(passage={}),
    "an unknown line": lambda lines: lines.insert(1, {"note": "hello"}),
    "an article twice": lambda lines: lines.__setitem__(slice(1, 1), lines[1:3]),
    "articles out of order": lambda lines: lines.__setitem__(slice(1, -1), lines[3:-1] + lines[1:3]),
    "a passage missing": lambda lines: lines.pop(2),
    "a passage twice": lambda lines: lines.insert(2, lines[2]),
    "a passage first": lambda lines: lines.insert(1, lines[2]),
    "a passage that starts late": _set("passage", start=1),
    "a start that is a truth": _set("passage", start=False),
    "a passage that ends early": _set("passage", end=5, sentences=[]),
    "a passage that ends nowhere": _set("passage", end=10**30),
    "an end that is a truth": _set("passage", end=True),
    "a sentence outside": _set("passage", sentences=[[0, 10_000], [0, 1]]),
    "a sentence before": _set("passage", sentences=[[-1, 5], [5, 6]]),
    "sentences that overlap": _set("passage", sentences=[[0, 5], [4, 8]]),
    "a sentence of nothing": _set("passage", sentences=[[3, 3], [4, 8]]),
    "a sentence of one number": _set("passage", sentences=[[0], [1, 2]]),
    "sentences without vectors": _set("passage", sentences=[[0, 1], [1, 2], [2, 3]]),
    "sentences that are a number": _set("passage", sentences=2),
    "a vector that is too short": _set("passage", vector=_encode(1.0)),
    "a vector of another size": _set("passage", vector=_encode(*[1.0] * (DIMENSION + 1))),
    "a vector that is no text": _set("passage", vector=[1.0] * DIMENSION),
    "a vector not in base64": _set("passage", vector="?" * len(_encode(*[0.0] * DIMENSION))),
    "a vector of nothing": _set("passage", vector=_encode(*[0.0] * DIMENSION)),
    "a vector that is no number": _set("passage", vector=_encode(*[float("nan")] * DIMENSION)),
    "a vector that is infinite": _set("passage", vector=_encode(*[float("inf")] * DIMENSION)),
    "a vector that is too long": _scaled(1.1),
    "scales that are infinite": _set("passage", scales=_encode(float("inf"), float("inf"))),
    "scales that are no numbers": _set("passage", scales=_encode(float("nan"), 1.0)),
    "sentence vectors of nothing": _set("passage", sentence_vectors=_encode(*[0] * (2 * DIMENSION), of="i1")),
    "a header with more": lambda lines: lines[0].update(code="import os"),
    "a header without a model": lambda lines: lines[0].pop("model"),
    "a dimension that is huge": lambda lines: lines[0].update(dimension=10**12),
    "a dimension of nothing": lambda lines: lines[0].update(dimension=0),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_what_no_export_holds_is_refused_though_its_hash_is_right(
    library: Library, file: Path, exported: bytes, forgery: str
) -> None:
    forged = forge(exported, FORGERIES[forgery])
    if forgery == "half a surrogate pair":
        forged = forge_text(forged, b'"author":"?"', b'"author":"\\ud800"')
    file.write_bytes(forged)

    refuse(file, library, LibraryDamagedError)


def forge_text(exported: bytes, old: bytes, new: bytes) -> bytes:
    body, end = exported[: exported.rindex(b"\n", 0, -1) + 1].replace(old, new), json.loads(exported.splitlines()[-1])
    end["sha256"] = hashlib.sha256(body).hexdigest()
    return body + json.dumps(end, separators=(",", ":")).encode() + b"\n"


def test_a_forgery_that_is_no_lie_is_taken(library: Library, file: Path, exported: bytes) -> None:
    file.write_bytes(forge(exported, lambda _: None))

    assert file.read_bytes() == exported
    assert import_library(file, library=library).added


def test_what_the_library_can_not_hold_stops_nothing_else(
    library: Library, shared_library: SharedLibrary, tmp_path: Path
) -> None:
    long = Article("x" * 9_000, "Rain", "It rained.")
    with library.writing():
        library.add(embed_articles([Article("a", "Sun", "It shone."), long], WordEmbedder()))
    export_library(tmp_path / "long.jsonl", library=library)

    report = import_library(tmp_path / "long.jsonl", library=shared_library)

    assert report.added == ("a",)
    assert [failure.source for failure in report.failed] == [str(tmp_path / "long.jsonl")]
    assert "bytes that a shared library can hold" in report.failed[0].reason
    assert "x" * 50 not in report.failed[0].reason


def test_an_import_that_is_killed_is_finished_by_the_same_call(
    library: Library, file: Path, articles: Articles
) -> None:
    process = multiprocessing.get_context("spawn").Process(target=_import_and_die, args=(library.folder, file))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    assert (library.folder / LIBRARY_FILE).is_file()

    report = import_library(file, library=library)

    assert len(report.added) + len(report.unchanged) == 3
    with opened(library.folder.with_name("other")) as other:
        fill(other, *articles)
        assert other.content_hash() == library.content_hash()


def _import_and_die(folder: Path, path: Path) -> None:
    def die(done: int, _: int) -> None:
        if done == 2:
            os.kill(os.getpid(), signal.SIGKILL)

    import assistant.exporting

    assistant.exporting.BATCH_PASSAGES = 1
    import_library(path, library=Library(folder, embedding_model="words"), progress=die)


# Earlier formats ------------------------------------------------------------------------------------------------------

DETAILED = Article(
    "detailed",
    "Storm closes harbour",
    "The storm closed the harbour on Monday night. It opened again on Tuesday.",
    published=datetime(2025, 3, 1, tzinfo=UTC),
    updated=datetime(2025, 3, 2, 8, tzinfo=timezone(timedelta(hours=1))),
    section="Weather",
    language="en",
    origins=(Origin("published", "JSON-LD"), Origin("section", "meta")),
)


def test_all_that_is_known_of_an_article_is_exported(library: Library, tmp_path: Path) -> None:
    fill(library, DETAILED)
    export_library(tmp_path / "file", library=library)

    with opened(tmp_path / "other") as other:
        import_library(tmp_path / "file", library=other)

        with other.snapshot() as snapshot:
            assert snapshot.article("detailed") == DETAILED
        assert other.content_hash() == library.content_hash()


def test_an_export_of_the_first_format_is_taken_in(
    library: Library, articles: Articles, exported: bytes, file: Path
) -> None:
    def simplify(lines: list[Line]) -> None:
        lines[0]["news_assistant_export"] = 1
        for line in lines:
            for name in ("updated", "section", "language", "origins") if "article" in line else ():
                del line["article"][name]

    file.write_bytes(forge(exported, simplify))

    assert import_library(file, library=library).added == ("fox", "jill", "lamb")
    with library.snapshot() as snapshot:
        assert snapshot.article("fox") == articles[0]
    file.write_bytes(forge(exported, lambda lines: lines[0].update(news_assistant_export=1)))
    refuse(file, library, LibraryDamagedError, "other fields than those of articles")


@pytest.mark.parametrize(
    "change",
    [
        {"origins": None},
        {"origins": [["title"]]},
        {"origins": [["title", 1]]},
        {"origins": [["ti\0tle", "page"]]},
        {"updated": "yesterday"},
        {"updated": "2025-03-01"},
        {"section": 1},
        {"language": ["en"]},
    ],
)
def test_details_that_can_not_be_are_refused(
    library: Library, exported: bytes, file: Path, change: dict[str, object]
) -> None:
    file.write_bytes(forge(exported, lambda lines: lines[1]["article"].update(change)))

    refuse(file, library, LibraryDamagedError, "line 2")
