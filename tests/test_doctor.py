import json
import os
import shutil
import signal
import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from fakes import WordEmbedder

import assistant.doctor
import assistant.snapshot
from assistant import Assistant
from assistant.cli import main
from assistant.conversations import CONVERSATIONS_FILE
from assistant.doctor import BEHIND, UNBUILT, examine, repair
from assistant.errors import LibraryError, LibraryLockedError
from assistant.ingest import add_sources
from assistant.library import CHROMA_FOLDER, Library
from assistant.preparing import embed_articles
from assistant.rendering import render_diagnosis
from assistant.schema import EmbeddedPassage
from assistant.settings import LIBRARY_FILE
from assistant.types import Article, Diagnosis, Finding, Passage, Span
from assistant.vectors import DATABASE_FILE, SegmentFile, hash_file, record_segments

Articles = tuple[Article, Article, Article]

MEDIUM, LARGE = 150, 1_100  # passages; from 100 on Chroma writes segment files
DIMENSION = 8


def fill(folder: Path, *articles: Article, identity: str = "words") -> Path:
    library = Library(folder, embedding_model=identity)
    add_sources(articles, library=library, embedder=WordEmbedder(identity=identity))
    library.close()
    return folder


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory, articles: Articles) -> Path:
    """An index of the three articles; copy it before you touch it."""
    return fill(tmp_path_factory.mktemp("small") / "index", *articles)


def fill_with_numbers(folder: Path, count: int) -> Path:
    """Add articles of one sentence with random vectors."""
    vectors = np.random.default_rng(0).normal(size=(count, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    added = []
    for number, vector in enumerate(vectors):
        text = f"Sentence number {number}."
        passage = Passage(f"a{number}", 0, len(text), text, (Span(0, len(text)),))
        article = Article(f"a{number}", f"Article {number}", text)
        added.append((article, [EmbeddedPassage(passage, vector, vector[None])]))
    library = Library(folder, embedding_model="words")
    with library.writing():
        library.add(added)
        library.publish()
    library.close()
    return folder


@pytest.fixture(scope="module")
def medium(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index whose generation has segment files; copy it before you touch it."""
    return fill_with_numbers(tmp_path_factory.mktemp("medium") / "index", MEDIUM)


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index of more passages than Chroma searches at once; copy it before you touch it."""
    return fill_with_numbers(tmp_path_factory.mktemp("large") / "index", LARGE)


@pytest.fixture
def open_copy(tmp_path: Path) -> Iterator[Callable[[Path], Library]]:
    opened = []

    def open_copy(folder: Path) -> Library:
        opened.append(Library(Path(shutil.copytree(folder, tmp_path / "index")), embedding_model="words"))
        return opened[-1]

    yield open_copy
    for library in opened:
        library.close()


def plant(library: Library, *statements: str) -> None:
    with closing(sqlite3.connect(library.folder / LIBRARY_FILE)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def generation_of(library: Library) -> Path:
    with closing(sqlite3.connect(library.folder / LIBRARY_FILE)) as connection:
        (name,) = connection.execute("SELECT folder FROM generations").fetchone()
    return library.folder / CHROMA_FOLDER / name


def record_again(library: Library) -> None:
    """Make the record say what is there, so that only a deep look can find what is wrong."""
    folder = generation_of(library)
    files = [SegmentFile(f.name, f.size, f.modified, hash_file(folder / f.name)) for f in record_segments(folder)]
    with closing(sqlite3.connect(library.folder / LIBRARY_FILE)) as connection:
        connection.execute("UPDATE generations SET segments = ?", (json.dumps([asdict(file) for file in files]),))
        connection.commit()


def overwrite(path: Path, content: bytes, *, at: int = 0) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(content)


def only(diagnosis: Diagnosis) -> Finding:
    assert len(diagnosis.findings) == 1, diagnosis.findings
    return diagnosis.findings[0]


def assert_mended(library: Library, *kinds: str, embedder: WordEmbedder | None = None) -> Diagnosis:
    embedder = embedder or WordEmbedder()
    diagnosis = repair(library, embedder=embedder)
    assert diagnosis.is_healthy, diagnosis.findings
    assert [finding.kind for finding in diagnosis.mended] == list(kinds)
    return diagnosis


# A healthy index ------------------------------------------------------------------------------------------------------


def test_a_healthy_index_is_well_and_stays_as_it_is(large: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(large)
    before = (library.folder / LIBRARY_FILE).read_bytes()
    told: list[tuple[int, int]] = []

    diagnosis = examine(library, progress=lambda done, total: told.append((done, total)))

    assert diagnosis == Diagnosis(LARGE, LARGE, ())
    assert diagnosis.is_healthy
    assert told == [(done, LARGE) for done in range(1, LARGE + 1)]
    assert (library.folder / LIBRARY_FILE).read_bytes() == before
    assert render_diagnosis(diagnosis) == "all is well (1,100 articles, 1,100 passages)\n"


def test_repairing_what_is_well_does_nothing(small: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(small)
    folder = generation_of(library)

    assert_mended(library)

    assert generation_of(library) == folder


def test_passages_that_are_copies_of_each_other_are_well(library: Library) -> None:
    copies = [Article(f"copy {number}", "The same", "The same words again.") for number in range(30)]
    fill(library.folder, *copies)

    assert examine(library).is_healthy


def test_few_changes_since_the_generation_are_well(
    small: Path, open_copy: Callable[[Path], Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    library = open_copy(small)
    changed = Article("jill", "Two fall on hill", "Jill went down. Jack came after.")
    with library.writing():
        library.add(embed_articles([changed, Article("new", "New", "Something new.")], WordEmbedder()))
    assert only(examine(library)).what == BEHIND
    assert only(examine(library)).is_unfinished
    assert examine(library).is_healthy

    monkeypatch.setattr(assistant.snapshot, "MANY_PASSAGES", 1)
    with library.writing():
        library.publish()

    assert examine(library).is_healthy


def test_a_folder_without_a_library_is_an_error(library: Library) -> None:
    for look in (examine, lambda library: repair(library, embedder=WordEmbedder())):
        with pytest.raises(LibraryError, match="no library there; add articles"):
            look(library)
    assert not library.folder.exists()


# The library's file ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda path: path.unlink(), "gone"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: os.truncate(path, path.stat().st_size // 2), "damaged"),
        (lambda path: overwrite(path, b"\xff" * 16_384, at=16_384 * 3), "damaged"),
    ],
    ids=["deleted", "emptied", "truncated", "overwritten"],
)
def test_a_damaged_file_is_to_be_restored(
    small: Path, open_copy: Callable[[Path], Library], damage: Callable[[Path], None], what: str
) -> None:
    library = open_copy(small)
    damage(library.folder / LIBRARY_FILE)

    for diagnosis in (examine(library), repair(library, embedder=WordEmbedder())):
        (finding,) = [finding for finding in diagnosis.findings if finding.kind == "library"]
        assert what in finding.what
        assert "copy" in finding.remedy or "move it away" in finding.remedy
        assert not finding.is_repairable
        assert not diagnosis.mended


def test_a_table_that_is_gone_is_named(small: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(small)
    plant(library, "DROP INDEX articles_by_time", "DROP TABLE sentence_vectors")

    finding = only(examine(library))

    assert finding.what == "it lacks articles_by_time, sentence_vectors"
    assert finding.kind == "library"


def test_another_embedding_model_is_named_with_what_to_do(small: Path) -> None:
    other = Library(small, embedding_model="letters")

    finding = only(examine(other))

    assert "made with the embedding model words, not letters" in finding.what
    assert "--index" in finding.remedy
    other.close()


def test_loose_rows_and_wrong_orders_are_mended(small: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(small)
    plant(
        library,
        "PRAGMA foreign_keys = OFF",
        'INSERT INTO passages SELECT NULL, 999, 0, start, "end", sentences, stems, stem_counts FROM passages LIMIT 1',
        "INSERT INTO passage_vectors VALUES (998, x'00')",
        "UPDATE articles SET published_seconds = 5 WHERE article_id = 'fox'",
        "UPDATE article_vectors SET scales = zeroblob(length(scales)) WHERE article != 1",
    )
    # An order that runs the other way than it is said to.
    change = "UPDATE sqlite_master SET sql = replace(sql, '{}', '{}') WHERE name = 'articles_by_outlet'"
    forwards, backwards = "outlet COLLATE NOCASE,", "outlet COLLATE NOCASE DESC,"
    plant(library, "PRAGMA writable_schema = ON", change.format(forwards, backwards))
    plant(library, "REINDEX articles_by_outlet")
    plant(library, "PRAGMA writable_schema = ON", change.format(backwards, forwards))

    diagnosis = repair(library, embedder=WordEmbedder())

    said = [finding.what for finding in diagnosis.mended]
    assert any("order" in what for what in said)
    assert "1 rows of passage_vectors belong to nothing" in said
    assert "1 rows of passages belong to nothing" in said
    assert "its date is stored in two ways that differ" in said
    assert "its vectors are stored in two ways that differ" in said
    assert diagnosis.is_healthy, diagnosis.findings


def test_vectors_in_another_article_s_place_are_mended(small: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(small)
    plant(
        library,
        "UPDATE article_vectors SET first_passage = -first_passage",
        "UPDATE article_vectors SET first_passage ="
        " (SELECT min(id) FROM passages WHERE article = 3 - article_vectors.article) WHERE article IN (1, 2)",
    )

    diagnosis = repair(library, embedder=WordEmbedder())

    assert "its vectors are stored in two ways that differ" in [finding.what for finding in diagnosis.mended]
    assert diagnosis.is_healthy, diagnosis.findings


# Articles and what is made from them ----------------------------------------------------------------------------------

PASSAGE_DAMAGE = {
    "tile: start": ("UPDATE passages SET start = 1 WHERE {}", "don't tile"),
    "tile: end": ('UPDATE passages SET "end" = "end" - 1 WHERE {}', "don't tile"),
    "ordinal": ("UPDATE passages SET ordinal = 3 WHERE {}", "don't tile"),
    "no number": ("UPDATE passages SET start = 'x' WHERE {}", "don't tile"),
    "no passage": ("DELETE FROM passages WHERE {}", "no passages"),
    "sentence outside": ("UPDATE passages SET sentences = x'00000000FF000000' WHERE {}", "sentences are not in"),
    "sentence reversed": ("UPDATE passages SET sentences = x'0500000001000000' WHERE {}", "sentences are not in"),
    "half a sentence": ("UPDATE passages SET sentences = x'05000000' WHERE {}", "sentences are not in"),
    "torn sentences": ("UPDATE passages SET sentences = x'050000' WHERE {}", "can't be read"),
    "stems": ("UPDATE passages SET stems = x'05000000' WHERE {}", "stems"),
    "no vector": (
        "DELETE FROM passage_vectors WHERE passage IN (SELECT id FROM passages WHERE {})",
        "vector is missing",
    ),
    "short vector": (
        "UPDATE passage_vectors SET vector = x'0000803F' WHERE passage IN (SELECT id FROM passages WHERE {})",
        "of another length",
    ),
    "no number in vector": (
        "UPDATE passage_vectors SET vector = CAST(x'0000C07F' || substr(vector, 5) AS BLOB)"
        " WHERE passage IN (SELECT id FROM passages WHERE {})",
        "not of unit length",
    ),
    "zero vector": (
        "UPDATE passage_vectors SET vector = zeroblob(length(vector))"
        " WHERE passage IN (SELECT id FROM passages WHERE {})",
        "not of unit length",
    ),
    "no sentence vectors": (
        "DELETE FROM sentence_vectors WHERE passage IN (SELECT id FROM passages WHERE {})",
        "sentences are missing",
    ),
    "few sentence vectors": (
        "UPDATE sentence_vectors SET scales = substr(scales, 5) WHERE passage IN (SELECT id FROM passages WHERE {})",
        "as many vectors as sentences",
    ),
    "no scale": (
        "UPDATE sentence_vectors SET scales = zeroblob(length(scales))"
        " WHERE passage IN (SELECT id FROM passages WHERE {})",
        "no scale",
    ),
}


def test_damaged_passages_are_made_again_from_their_text(library: Library) -> None:
    stories = {name: Article(name, f"On {name}", f"A story of {name}. It ends.") for name in PASSAGE_DAMAGE}
    fill(library.folder, *stories.values(), Article("whole", "Whole", "Nothing is wrong with this."))
    with library.snapshot() as snapshot:
        before = snapshot.articles()
    plant(
        library,
        *(
            statement.format(f"article = (SELECT id FROM articles WHERE article_id = '{name}')")
            for name, (statement, _) in PASSAGE_DAMAGE.items()
        ),
    )
    embedder = WordEmbedder()
    told: list[tuple[int, int]] = []

    found = examine(library)
    assert {f.article_id: f.what for f in found.findings if f.kind == "passages"}.keys() == stories.keys()
    mended = repair(library, embedder=embedder, progress=lambda done, total: told.append((done, total)))

    for finding in mended.mended:
        if finding.kind == "passages":
            assert finding.article_id is not None
            assert PASSAGE_DAMAGE[finding.article_id][1] in finding.what
            assert finding.where == f"article {finding.article_id}"
    assert mended.is_healthy, mended.findings
    assert len(embedder.embedded) == len(PASSAGE_DAMAGE)
    assert (len(stories), len(stories)) in told
    with library.snapshot() as snapshot:
        assert snapshot.articles() == before
        assert [snapshot.article(name) for name in stories] == list(stories.values())
        for name, story in stories.items():
            assert "".join(passage.text for passage in snapshot.passages(name)) == story.text
        (id, _), *_ = snapshot.match(["whole"], limit=1)
        assert snapshot.load([id])[0].article.id == "whole"


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE articles SET text = replace(text, 'fox', 'box') WHERE article_id = 'fox'",
        "UPDATE articles SET text = CAST(x'C3' || text AS TEXT) WHERE article_id = 'fox'",
        "UPDATE articles SET title = 'Another' WHERE article_id = 'fox'",
        "UPDATE articles SET published = 'someday' WHERE article_id = 'fox'",
        "UPDATE articles SET hash = '' WHERE article_id = 'fox'",
    ],
)
def test_a_damaged_article_is_named_with_what_to_do(
    small: Path, open_copy: Callable[[Path], Library], damage: str
) -> None:
    library = open_copy(small)
    plant(library, damage)

    finding = only(examine(library))

    assert (finding.kind, finding.article_id, finding.is_repairable) == ("article", "fox", False)
    assert "`assistant index --remove fox`" in finding.remedy
    assert "copy" in finding.remedy
    with library.writing():
        assert library.remove("fox")


def test_what_else_is_damaged_is_mended_beside_a_damaged_article(
    small: Path, articles: Articles, open_copy: Callable[[Path], Library]
) -> None:
    library = open_copy(small)
    plant(
        library,
        "UPDATE articles SET text = CAST(x'C3' || text AS TEXT) WHERE article_id = 'fox'",
        "DELETE FROM passage_words_docsize",
    )

    left = repair(library, embedder=WordEmbedder())

    assert [finding.kind for finding in left.mended] == ["words"]
    assert only(left).article_id == "fox"
    with library.writing():
        library.remove("fox")
        library.publish()
    add_sources(articles[0], library=library, embedder=WordEmbedder())
    repair(library, embedder=WordEmbedder())
    assert examine(library).is_healthy


# Full text ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        ("DELETE FROM passage_words_docsize WHERE id = 1", "lacks 1 passages and holds 0"),
        ("INSERT INTO passage_words (rowid, text) VALUES (77, 'no one')", "lacks 0 passages and holds 1"),
        ("UPDATE passage_words_data SET block = zeroblob(length(block)) WHERE id > 10", "damaged"),
    ],
)
def test_damaged_full_text_is_made_again_with_no_embedding(
    small: Path, open_copy: Callable[[Path], Library], damage: str, what: str
) -> None:
    library = open_copy(small)
    plant(library, damage)
    embedder = WordEmbedder()

    diagnosis = assert_mended(library, "words", embedder=embedder)

    assert what in diagnosis.mended[0].what
    assert embedder.embedded == []
    with library.snapshot() as snapshot:
        assert len(snapshot.match(["lamb"], limit=9)) == 1


def test_words_that_belong_to_another_text_are_found(small: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(small)
    plant(
        library,
        "INSERT INTO passage_words (passage_words) VALUES ('delete-all')",
        "INSERT INTO passage_words (rowid, text) SELECT id, 'other words' FROM passages",
    )

    diagnosis = assert_mended(library, "words")

    assert diagnosis.mended[0].what == "it lacks words of 3 of the passages that were looked up"


# Chroma ---------------------------------------------------------------------------------------------------------------


def vectors_file(library: Library) -> Path:
    return next(generation_of(library).glob("*/data_level0.bin"))


def zero(path: Path) -> None:
    path.write_bytes(bytes(path.stat().st_size))


CHROMA_DAMAGE: dict[str, tuple[Callable[[Library], None], str]] = {
    "truncated": (lambda library: os.truncate(vectors_file(library), 5_000), "5,000 bytes, not"),
    "zeroed": (lambda library: zero(vectors_file(library)), "other content"),
    "flipped": (lambda library: overwrite(vectors_file(library), b"\xff\xfe", at=9_999), "other content"),
    "deleted": (lambda library: vectors_file(library).unlink(), "gone"),
    "touched": (lambda library: os.utime(vectors_file(library), ns=(1, 1)), "was written again"),
    "no folder": (lambda library: shutil.rmtree(generation_of(library)), "unable to open database file"),
    "no database": (lambda library: (generation_of(library) / DATABASE_FILE).unlink(), "unable to open"),
    "truncated database": (
        lambda library: os.truncate(generation_of(library) / DATABASE_FILE, 50_000),
        "database is damaged",
    ),
    "zeroed database": (lambda library: zero(generation_of(library) / DATABASE_FILE), "database is damaged"),
    "no record": (lambda library: plant(library, "UPDATE generations SET segments = 'x'"), "record of its files"),
    "never published": (lambda library: plant(library, "DELETE FROM generations"), "there is no Chroma index yet"),
}


@pytest.mark.parametrize("damage", CHROMA_DAMAGE)
def test_a_damaged_generation_is_made_again_with_no_embedding(
    medium: Path, open_copy: Callable[[Path], Library], damage: str
) -> None:
    library = open_copy(medium)
    plant_damage, what = CHROMA_DAMAGE[damage]
    plant_damage(library)
    embedder = WordEmbedder()

    finding = only(examine(library))

    assert (finding.kind, finding.is_repairable) == ("chroma", True)
    assert what in finding.what
    assert finding.where.startswith("chroma")
    assert_mended(library, "chroma", embedder=embedder)
    assert embedder.embedded == []


def test_a_deep_look_survives_files_that_chroma_does_not(large: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(large)
    overwrite(vectors_file(library), b"\xff" * 65_536)
    record_again(library)

    finding = only(examine(library))

    assert finding.kind == "chroma"
    assert "Chroma" in finding.what or "passages" in finding.what
    assert_mended(library, "chroma")


def test_vectors_that_are_not_the_librarys_are_found(large: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(large)
    path = vectors_file(library)
    content = bytearray(path.read_bytes())
    record = len(content) // (len(content) // (4 + 16 * 2 * 4 + DIMENSION * 4 + 8))
    for start in range(0, len(content), record):
        content[start + 132 + 3] ^= 0x80  # the sign of the first component
    path.write_bytes(bytes(content))
    record_again(library)

    finding = only(examine(library))

    assert "nearer or farther" in finding.what or "doesn't find" in finding.what


def test_what_chroma_holds_is_compared_with_the_library(small: Path, open_copy: Callable[[Path], Library]) -> None:
    library = open_copy(small)
    with closing(sqlite3.connect(generation_of(library) / DATABASE_FILE)) as connection:
        connection.execute("UPDATE embeddings SET embedding_id = '77' WHERE embedding_id = '2'")
        connection.execute("UPDATE embeddings_queue SET id = '77' WHERE id = '2'")
        connection.commit()

    diagnosis = assert_mended(library, "chroma")

    assert diagnosis.mended[0].what == "it holds 3 passages, not the 3 of its record; 1 are missing"


@pytest.mark.parametrize(
    ("script", "what"),
    [
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "Chroma crashes on it (SIGSEGV)"),
        ("import time; time.sleep(60)", "Chroma hangs on it: there was no answer for 1 s"),
        ("raise SystemExit('no luck')", "Chroma fails on it (no luck)"),
        ("print('Hello')", "Chroma fails on it (status 0)"),
    ],
    ids=["crash", "hang", "exception", "nothing"],
)
def test_a_child_that_dies_is_a_finding(
    small: Path, open_copy: Callable[[Path], Library], monkeypatch: pytest.MonkeyPatch, script: str, what: str
) -> None:
    library = open_copy(small)
    monkeypatch.setattr(assistant.doctor, "_CHILD", script)
    monkeypatch.setattr(assistant.doctor, "CHILD_SECONDS", 1.0)

    assert only(examine(library)).what == what
    assert signal.getsignal(signal.SIGSEGV) == signal.SIG_DFL


def test_examining_goes_on_beside_a_writer_and_repairing_does_not(small: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(small, tmp_path / "index"))
    library, writer = (Library(folder, embedding_model="words", wait=0.1) for _ in range(2))
    with writer.writing():
        assert examine(library).is_healthy
        with pytest.raises(LibraryLockedError):
            repair(library, embedder=WordEmbedder())
    library.close()
    writer.close()


# From outside ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["assistant", "doctor", "--index", str(tmp_path / "index"), *arguments])
        with pytest.raises(SystemExit) as stopped:
            main()
        printed = capsys.readouterr()
        return int(stopped.value.code or 0), printed.out, printed.err

    return run


def test_the_command_says_what_it_found_and_exits_accordingly(
    tmp_path: Path, articles: Articles, run: Callable[..., tuple[int, str, str]]
) -> None:
    index = tmp_path / "index"
    with Assistant.open(index) as assistant:
        identity = assistant._embedder.identity
    assert run()[0] == 2

    escape = Article("\x1b[2Jwolf", "Wolf", "A wolf howled.")
    library = Library(fill(index, *articles, escape, identity=identity), embedding_model=identity)
    status, out, err = run()
    assert (status, err) == (0, "")
    assert out == f"{index}: all is well (4 articles, 4 passages)\n"

    plant(library, "DELETE FROM generations")
    status, out, err = run()
    assert (status, err) == (0, "")
    assert out.splitlines()[0] == f"{index}: all is well; 1 thing still to finish (4 articles, 4 passages)"

    plant(
        library,
        "UPDATE articles SET text = 'An elf howled.' WHERE article_id LIKE '%wolf'",
    )
    status, out, err = run()
    first, second, third = out.splitlines()
    assert (status, err) == (1, "")
    assert first == f"{index}: 2 things are wrong, 1 of which can be mended (4 articles, 4 passages)"
    assert second.startswith("article [2Jwolf: its text, title or another part of it is not what was stored; remove it")
    assert third == f"chroma: {UNBUILT}; give that command again, or `assistant doctor --repair` mends it"

    status, out, _ = run("--repair", "--json")
    answer = json.loads(out)
    assert status == 1
    assert out.count("\n") == 1
    assert {key: answer[key] for key in ("is_healthy", "articles", "passages")} == {
        "is_healthy": False,
        "articles": 4,
        "passages": 4,
    }
    assert [finding["kind"] for finding in answer["findings"]] == ["article"]
    assert answer["mended"][0].keys() == {
        "kind",
        "where",
        "what",
        "remedy",
        "is_repairable",
        "article_id",
        "is_unfinished",
    }
    assert [finding["kind"] for finding in answer["mended"]] == ["chroma"]

    plant(library, "UPDATE articles SET text = 'A wolf howled.' WHERE article_id LIKE '%wolf'")
    plant(library, "DELETE FROM generations")
    status, out, _ = run("--repair")
    assert status == 0
    assert out.splitlines() == [
        f"{index}: all is well again (4 articles, 4 passages)",
        f"mended chroma: {UNBUILT}",
    ]
    library.close()


def test_a_long_list_is_cut_on_the_screen() -> None:
    found = tuple(Finding("passages", f"article {n}", "broken", "mend it", True, str(n)) for n in range(30))

    shown = render_diagnosis(Diagnosis(30, 60, found, found)).splitlines()

    assert shown[0] == "30 things are wrong, 30 of which can be mended (30 articles, 60 passages)"
    assert shown[21] == "mended 10 more; --json lists all"
    assert shown[-1] == "10 more; --json lists all"


# What else is known of articles


def test_damage_to_what_is_kept_beside_articles_is_found_and_mended(
    open_copy: Callable[[Path], Library], small: Path, articles: Articles
) -> None:
    library = open_copy(small)
    texts = ["The fox slept.", "The fox woke.", "The fox left."]
    for text in texts:
        add_sources([replace(articles[0], text=text)], library=library, embedder=WordEmbedder())
    plant(
        library,
        "UPDATE copies SET signature = 'text' WHERE article = 2",
        "DELETE FROM copy_bands WHERE article = 3",
        "DELETE FROM article_details WHERE article = 3",
        "DELETE FROM copies WHERE article > 3",
        "UPDATE revisions SET content = 'text' WHERE id = 1",
        "UPDATE revisions SET hash = 'other' WHERE id = 2",
        "INSERT INTO revisions SELECT 9, 'ghost', NULL, 1, hash, content FROM revisions WHERE id = 3",
    )

    found = examine(library)
    mended = repair(library, embedder=WordEmbedder())

    copies = "what its copies are found by is not what its text makes"
    assert {(finding.kind, finding.article_id, finding.what) for finding in found.findings} == {
        *(("rows", id, copies) for id in ("fox", "jill", "lamb")),
        ("rows", "lamb", "the row of what else is known of it is missing"),
        ("rows", None, "2 of the earlier versions of fox can't be read any more"),
        ("rows", None, "1 of the earlier versions of ghost can't be read any more"),
    }
    assert mended.is_healthy
    assert mended.mended == found.findings
    with library.snapshot() as snapshot:
        assert [revision.article.text for revision in snapshot.revisions("fox")] == texts[1:]


def test_a_detail_that_was_altered_is_damage_to_its_article(open_copy: Callable[[Path], Library], small: Path) -> None:
    library = open_copy(small)
    plant(library, "UPDATE article_details SET section = 'Sports' WHERE article = 1")

    (finding,) = examine(library).findings

    assert (finding.kind, finding.article_id, finding.is_repairable) == ("article", "fox", False)


def test_conversations_that_can_not_be_read_are_found_and_not_touched(
    small: Path, open_copy: Callable[[Path], Library]
) -> None:
    library = open_copy(small)
    assert examine(library).is_healthy
    file = library.folder / CONVERSATIONS_FILE
    file.write_bytes(b"nonsense" * 1_000)

    diagnosis = examine(library)

    assert diagnosis.findings == (
        Finding(
            "conversations",
            CONVERSATIONS_FILE,
            "damaged (file is not a database)",
            "delete that file, and conversations begin anew: the articles are untouched",
            is_repairable=False,
        ),
    )
    assert repair(library, embedder=WordEmbedder()).findings == diagnosis.findings
    assert file.read_bytes() == b"nonsense" * 1_000
