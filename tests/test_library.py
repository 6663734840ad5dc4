import multiprocessing
import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import pytest
from earlier_versions import to_version_1, to_version_2
from libraries import (
    LARGE,
    Articles,
    add,
    assert_nearest_is_exact,
    embed,
    find_texts,
    generation_folders,
    is_chroma_used,
    make_article,
    make_vectors,
    nearest,
    opened,
    remove,
)

from assistant.errors import LibraryDamagedError, LibraryError, LibraryLockedError, LibraryMismatchError
from assistant.library import CHROMA_FOLDER, HOLDER_FILE, Library
from assistant.replies import REPLIES_FILE, Reply, ReplyCache
from assistant.schema import EmbeddedPassage, _pack_vectors, hash_article, pack_passage, pack_stems
from assistant.settings import LIBRARY_FILE
from assistant.sources import Item, KnownSource
from assistant.types import Article, Origin
from assistant.vectors import DATABASE_FILE


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A published library that Chroma has written its segment files for; copy it before you touch it."""
    folder = tmp_path_factory.mktemp("large") / "index"
    with opened(folder) as library:
        add(library, make_article("large", LARGE))
    return folder


@pytest.fixture
def copied(large: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(large, tmp_path / "copy"))


# What is kept --------------------------------------------------------------------------------------------------------


def test_opening_and_asking_write_nothing(library: Library) -> None:
    with library.snapshot() as snapshot:
        assert snapshot.passage_count == 0
        assert snapshot.articles() == ()
        assert snapshot.article("fox") is None
        assert snapshot.hash("fox") is None
        assert snapshot.passages("fox") == ()
        assert snapshot.match(["fox"], limit=10) == []
        assert snapshot.nearest(make_vectors(1)[0], limit=10) == []
        assert snapshot.load([1, 2]) == []
        assert snapshot.is_published

    assert not library.exists
    assert not library.folder.exists()


def test_what_is_added_is_there_when_the_folder_is_opened_again(library: Library, articles: Articles) -> None:
    add(library, *articles)
    library.close()

    with opened(library.folder) as again, again.snapshot() as snapshot:
        assert snapshot.article("fox") == articles[0]
        assert snapshot.is_published


def test_a_changed_article_takes_the_place_of_the_old_one(library: Library, articles: Articles) -> None:
    fox = articles[0]
    add(library, *articles)
    with library.snapshot() as snapshot:
        old = [id for id, _ in snapshot.match(["fox", "lazy"], limit=100)]

    add(library, replace(fox, title="Dog wakes", text="A dog woke.", outlet=None), seed=9)

    with library.snapshot() as snapshot:
        assert snapshot.match(["fox", "lazy", "courier"], limit=100) == []
        assert snapshot.load(old) == []
        assert find_texts(snapshot, "woke") == ["A dog woke."]
        assert not {id for id, _ in snapshot.nearest(make_vectors(1)[0], limit=100)} & set(old)
        assert len(snapshot.articles()) == 3
    assert_nearest_is_exact(library, limit=100)


def test_a_transaction_that_fails_leaves_nothing(library: Library, articles: Articles) -> None:
    add(library, articles[0])

    def broken() -> Iterator[tuple[Article, list[EmbeddedPassage]]]:
        yield embed(articles[1])
        yield embed(replace(articles[0], text="Changed."))
        raise RuntimeError("the power is cut")

    with library.writing(), pytest.raises(RuntimeError, match="the power is cut"):
        library.add(broken())

    with library.snapshot() as snapshot:
        assert snapshot.articles() == (articles[0].ref,)
        assert snapshot.article("fox") == articles[0]


# Generations ---------------------------------------------------------------------------------------------------------


def test_an_ingest_ends_with_the_next_generation_made_from_the_last(library: Library) -> None:
    add(library, make_article("a", 40))
    first = generation_folders(library)

    add(library, make_article("b", 40), seed=1)
    add(library, replace(make_article("a", 10), title="Changed"), seed=2)

    with library.snapshot() as snapshot:
        assert snapshot.is_published
        assert snapshot.passage_count == 50
    assert first[0] not in generation_folders(library)
    assert_nearest_is_exact(library)


def test_generations_do_not_pile_up(library: Library) -> None:
    for number in range(5):
        add(library, make_article(f"a{number}", 2), seed=number)

    assert [folder.name[:8] for folder in generation_folders(library)] == ["00000004", "00000005"]


def test_publishing_what_is_published_changes_nothing(library: Library) -> None:
    add(library, make_article("a", 2))
    before = generation_folders(library)

    add(library)

    assert generation_folders(library) == before


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files can't be counted here")
def test_a_reader_of_many_generations_keeps_only_the_last_one_open(library: Library) -> None:
    with opened(library.folder) as reader:
        counts = []
        for number in range(4):
            add(library, make_article(f"a{number}", 2), seed=number)
            assert len(nearest(reader, make_vectors(1)[0], 100)) == 2 * number + 2
            counts.append(len(list(Path("/proc/self/fd").iterdir())))

    assert counts[-1] <= counts[1] + 2  # the one that writes has had one open since the second


# Forgetting ----------------------------------------------------------------------------------------------------------


def test_a_removed_article_is_found_no_more(library: Library, articles: Articles) -> None:
    add(library, *articles)

    remove(library, "fox")

    with library.snapshot() as snapshot:
        assert snapshot.article("fox") is None
        assert snapshot.passages("fox") == ()
        assert snapshot.match(["fox", "courier"], limit=100) == []
        assert [ref.id for ref in snapshot.articles()] == ["jill", "lamb"]
        assert snapshot.is_published
    assert_nearest_is_exact(library, limit=100)


def test_removing_what_is_not_there_says_so(library: Library, articles: Articles) -> None:
    add(library, *articles)

    with library.writing():
        assert not library.remove("cat")

    with library.snapshot() as snapshot:
        assert snapshot.is_published


@pytest.mark.parametrize("others", [0, 1])
def test_chroma_forgets_what_is_removed(library: Library, others: int) -> None:
    add(library, make_article("secret", 40), *(make_article(f"other{n}", 3) for n in range(others)))
    secret = {row.tobytes() for row in make_vectors(40)}
    before = generation_folders(library)
    assert any(vector in file.read_bytes() for file in before[0].rglob("*") if file.is_file() for vector in secret)

    remove(library, "secret")

    after = generation_folders(library)
    assert not set(before) & set(after)
    assert not any(
        vector in file.read_bytes()
        for folder in after
        for file in folder.rglob("*")
        if file.is_file()
        for vector in secret
    )
    with library.snapshot() as snapshot:
        assert snapshot.is_published
        assert len(snapshot.nearest(make_vectors(1)[0], limit=100)) == snapshot.passage_count == 3 * others


def test_forgetting_goes_on_where_it_was_stopped(library: Library) -> None:
    add(library, make_article("secret", 10), make_article("other", 3))
    before = generation_folders(library)
    with library.writing():
        library.remove("secret")  # and then the power is cut

    add(library)

    assert not set(before) & set(generation_folders(library))


SECRET = Article(
    "secret-id",
    "Zwqtitle of Zwqxyvania",
    "Vkqwortel met Jzxquander in Qwzbridge. Nobody heard of Xqzmarket.  Kvjwords were said, and Wvxquietly misplaced.",
    outlet="Qjzoutlet",
    author="Wqkauthor",
    published=datetime(2025, 3, 15, 9, 30, tzinfo=UTC),
    url="zvqaddress:example",
)


def traces_of(article: Article, folder: Path, *, seed: int) -> list[str]:
    """Search every file of an index for the words, vectors and fields of an article that `embed` cut up."""
    fields = (article.id, article.title, article.text, article.outlet, article.author, article.url)
    words = {word for field in fields for word in (field or "").split() if len(word) > 7}
    # Full-text search writes a term without what it shares with the one before it.
    patterns = [part.encode() for word in words for part in (word, word.lower()[2:8])]
    for item in embed(article, seed=seed)[1]:
        vector, scales, rows = pack_passage(item).vector, *_pack_vectors(item.sentence_vectors)
        patterns += [vector, vector[:16], rows, scales, pack_stems(item.passage)[0]]
    files = [file for file in folder.rglob("*") if file.is_file()]
    return [
        f"{file.relative_to(folder)}: {pattern!r}"
        for file in files
        for content in [file.read_bytes()]
        for pattern in patterns
        if pattern and pattern in content
    ]


def test_what_an_article_said_before_and_where_it_came_from_is_forgotten_with_it(library: Library) -> None:
    source = KnownSource("file:///Zwqxyfolder/zvqaddress.md", outlet="Qjzoutlet")
    item = Item(source.name, (SECRET.id,), 1, 2, 3, sha256="Vkqworteldigest")
    add(library, replace(SECRET, section="Wvxsection", origins=(Origin("title", "Kvjheader"),)), seed=1000)
    add(library, make_article("other", 3))
    with library.writing():
        library.add([embed(replace(SECRET, text="It said so no more."), seed=1)], [(source, item)])
        library.add([embed(replace(SECRET, text="It said nothing at all."), seed=2)])
        library.publish()
    with library.snapshot() as snapshot:
        assert snapshot.revisions(SECRET.id)[0].article.text == SECRET.text
        outdated = snapshot.items([source.name])[source.name]
        assert (outdated.article_ids, outdated.sha256) == ((SECRET.id,), None)  # for its text is another now
        assert find_texts(snapshot, "Vkqwortel", "more") == []
    words = ["Zwqxyfolder", "Vkqworteldigest", "Wvxsection", "Kvjheader"]
    before = [word for word in words if any(word.encode() in file for file in read_files(library.folder))]
    assert before == words

    remove(library, SECRET.id)

    assert traces_of(SECRET, library.folder, seed=1000) == []
    assert not [word for word in words if any(word.encode() in file for file in read_files(library.folder))]
    with library.snapshot() as snapshot:
        assert snapshot.revisions(SECRET.id) == ()
        assert snapshot.sources() == []
        assert snapshot.was_removed(SECRET.id)


def read_files(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.rglob("*") if file.is_file()]


@pytest.mark.parametrize("others", [0, 1, 5, 90])
def test_no_file_of_the_index_holds_anything_of_a_removed_article(library: Library, others: int) -> None:
    for number in range(others):
        add(library, make_article(f"before{number}", 3), seed=number, publish=False)
    add(library, SECRET, seed=1000)
    add(library, replace(SECRET, id="kept-id", title="Kept", text="x" * 50, outlet=None, author=None, url=None))
    assert len({trace.split(":")[0] for trace in traces_of(SECRET, library.folder, seed=1000)}) >= 2

    remove(library, "secret-id")

    assert traces_of(SECRET, library.folder, seed=1000) == []
    with library.snapshot() as snapshot:
        assert snapshot.has_forgotten
        assert snapshot.is_published
        assert snapshot.passage_count == 3 * others + 3
        assert find_texts(snapshot, "before0") == [f"before0 {n}".ljust(20) for n in range(3 if others else 0)]
    assert_nearest_is_exact(library)


def test_a_removed_article_that_was_changed_often_is_forgotten_too(library: Library) -> None:
    add(library, *(make_article(f"before{number}", 2) for number in range(20)))
    for number in range(8):
        add(library, replace(SECRET, title=f"{SECRET.title} {number}"), seed=1000)
        add(library, make_article(f"between{number}", 2))

    remove(library, "secret-id")

    assert traces_of(SECRET, library.folder, seed=1000) == []


def test_a_removal_that_was_killed_is_finished_by_the_next_write(library: Library) -> None:
    add(library, SECRET, make_article("other", 120), seed=1000)
    process = multiprocessing.get_context("spawn").Process(target=_remove_and_die, args=(library.folder,))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    with library.snapshot() as snapshot:
        assert snapshot.article("secret-id") is None
        assert not snapshot.has_forgotten
    assert traces_of(SECRET, library.folder, seed=1000)

    add(library, make_article("next", 1))

    assert traces_of(SECRET, library.folder, seed=1000) == []
    with library.snapshot() as snapshot:
        assert snapshot.has_forgotten


def _remove_and_die(folder: Path) -> None:
    library = Library(folder, embedding_model="words")
    with library.writing():
        library.remove("secret-id")
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_what_a_model_said_of_an_article_goes_with_it_also_after_a_kill(
    library: Library, articles: Articles, change: str
) -> None:
    add(library, *articles)
    replies = ReplyCache(library.folder)
    replies.put("fox", Reply("The fox is quick."), is_current=lambda: True)
    with library.writing():
        library.publish()
    assert replies.get("fox") is not None

    with library.writing():
        if change == "removed":
            library.remove("fox")
        else:
            library.add([embed(replace(articles[0], text="It was a wolf."))])
    # Here it is killed. A question that was being answered keeps what it was told, and the next write finds it.
    with library.snapshot() as snapshot:
        assert not snapshot.has_forgotten
    with library.writing():
        library.publish()

    assert not (library.folder / REPLIES_FILE).exists()
    with library.snapshot() as snapshot:
        assert snapshot.has_forgotten


def test_a_reader_that_holds_what_is_removed_delays_only_its_erasure(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.library.ERASE_SECONDS", 0.1)
    add(library, SECRET, make_article("other", 3), seed=1000)
    with opened(library.folder) as reader, reader.snapshot() as before:
        assert before.article("secret-id") == SECRET
        remove(library, "secret-id")
        assert before.article("secret-id") == SECRET
        with library.snapshot() as snapshot:
            assert snapshot.article("secret-id") is None
            assert snapshot.is_published
            assert not snapshot.has_forgotten

    with library.writing():
        library.publish()

    assert traces_of(SECRET, library.folder, seed=1000) == []
    with library.snapshot() as snapshot:
        assert snapshot.has_forgotten


# Damage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("data_level0.bin", "half"),
        ("header.bin", "missing"),
        ("index_metadata.pickle", "zeroed"),
        (DATABASE_FILE, "missing"),
        (DATABASE_FILE, "half"),
        (DATABASE_FILE, "zeroed"),
    ],
)
def test_a_damaged_generation_costs_nothing_but_time(copied: Path, name: str, damage: str) -> None:
    file = next((copied / CHROMA_FOLDER).rglob(name))
    data = file.read_bytes()
    file.unlink()
    if damage != "missing":
        file.write_bytes(data[: len(data) // 2] if damage == "half" else bytes(len(data)))

    with opened(copied) as library:
        assert not is_chroma_used(library)
        assert_nearest_is_exact(library)

        add(library)

        assert is_chroma_used(library)
        assert_nearest_is_exact(library)


@pytest.mark.parametrize("what", ["generation", "everything"])
def test_a_deleted_generation_is_built_again(copied: Path, what: str) -> None:
    with opened(copied) as library:
        assert is_chroma_used(library)
        shutil.rmtree(generation_folders(library)[0] if what == "generation" else copied / CHROMA_FOLDER)
        assert_nearest_is_exact(library)

        add(library, make_article("b", 3), seed=5)

        assert is_chroma_used(library)
        assert_nearest_is_exact(library)


def test_a_base_that_is_damaged_while_it_is_open_is_built_anew(copied: Path) -> None:
    with opened(copied) as library:
        assert is_chroma_used(library)
        with sqlite3.connect(generation_folders(library)[0] / DATABASE_FILE) as connection:
            connection.execute("DROP TABLE embeddings")
        connection.close()

        add(library, make_article("b", 3), seed=5)

        assert is_chroma_used(library)
        assert_nearest_is_exact(library)


def test_what_a_build_that_died_left_is_in_nobodys_way(library: Library) -> None:
    add(library, make_article("a", 3))
    rest = library.folder / CHROMA_FOLDER / "00000002-0123abcd"
    rest.mkdir()
    (rest / DATABASE_FILE).write_bytes(b"half")

    add(library, make_article("b", 3), seed=1)

    assert is_chroma_used(library)
    assert rest not in generation_folders(library)
    assert_nearest_is_exact(library)


def test_an_index_that_is_deleted_and_made_anew_is_read_anew(library: Library) -> None:
    with opened(library.folder) as reader:
        add(library, make_article("a", 5))
        assert len(nearest(reader, make_vectors(1)[0])) == 5
        library.close()
        shutil.rmtree(library.folder)
        assert nearest(reader, make_vectors(1)[0]) == []

        with opened(library.folder) as another:
            add(another, make_article("b", 3), make_article("c", 4), seed=1)

        with reader.snapshot() as snapshot:
            assert [ref.id for ref in snapshot.articles()] == ["b", "c"]
        assert_nearest_is_exact(reader)
        add(reader, make_article("d", 2), seed=3)
        assert_nearest_is_exact(reader)

    with opened(library.folder) as again, again.snapshot() as snapshot:
        assert [ref.id for ref in snapshot.articles()] == ["b", "c", "d"]


def test_a_file_that_is_no_database_is_damaged(library: Library) -> None:
    library.folder.mkdir()
    (library.folder / LIBRARY_FILE).write_bytes(b"This is a story, not a database. " * 100)

    with pytest.raises(LibraryDamagedError, match=r"library\.sqlite3: damaged \(file is not a database\)"):
        nearest(library, make_vectors(1)[0])
    with pytest.raises(LibraryDamagedError):
        add(library, make_article("a", 1))


@pytest.mark.parametrize("content", ["CREATE TABLE recipes (name)", ""])
def test_somebody_elses_database_is_left_alone(library: Library, content: str) -> None:
    library.folder.mkdir()
    path = library.folder / LIBRARY_FILE
    with sqlite3.connect(path) as connection:
        connection.execute(content)
    connection.close()
    path.touch()
    before = path.read_bytes()

    with pytest.raises(LibraryDamagedError, match="not a library of this program"):
        nearest(library, make_vectors(1)[0])
    with pytest.raises(LibraryDamagedError, match="not a library of this program"):
        add(library, make_article("a", 1))

    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM properties", "DROP TABLE properties", "DROP TABLE generations", "DROP TABLE passages"],
)
def test_a_library_with_something_missing_is_damaged(library: Library, damage: str) -> None:
    add(library, make_article("a", 1))
    library.close()
    with sqlite3.connect(library.folder / LIBRARY_FILE) as connection:
        connection.execute(damage)
    connection.close()

    with opened(library.folder) as again, pytest.raises(LibraryDamagedError, match=r"library\.sqlite3: damaged"):
        nearest(again, make_vectors(1)[0])


def test_a_truncated_library_is_damaged(copied: Path) -> None:
    path = copied / LIBRARY_FILE
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])

    with opened(copied) as library, pytest.raises(LibraryDamagedError, match="damaged"):
        nearest(library, make_vectors(1)[0], LARGE)


# Refusals ------------------------------------------------------------------------------------------------------------


def test_a_library_of_a_newer_version_is_refused(library: Library) -> None:
    add(library, make_article("a", 1))
    library.close()
    with sqlite3.connect(library.folder / LIBRARY_FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with opened(library.folder) as again:
        with pytest.raises(LibraryMismatchError, match="made by a newer version of the assistant"):
            nearest(again, make_vectors(1)[0])
        with pytest.raises(LibraryMismatchError, match="upgrade the assistant"):
            add(again, make_article("b", 1))


@pytest.mark.parametrize("to_version", [to_version_1, to_version_2])
def test_a_library_of_an_earlier_version_is_brought_to_this_one_by_whoever_opens_it(
    library: Library, articles: Articles, to_version: Callable[[sqlite3.Connection], None]
) -> None:
    add(library, *articles)
    content, query = library.content_hash(), make_vectors(1, seed=3)[0]
    expected = nearest(library, query)
    library.close()
    downgrade(library.folder, to_version)

    with opened(library.folder) as again:
        assert nearest(again, query) == expected
        assert again.content_hash() == content
        with again.snapshot() as snapshot:
            assert [snapshot.article(article.id) for article in articles] == list(articles)
            assert [snapshot.hash(article.id) for article in articles] == [hash_article(each) for each in articles]
            assert snapshot.revisions("fox")[0].since is None
        assert_nearest_is_exact(again)
        add(again, make_article("more", 2))
        assert_nearest_is_exact(again)


def test_a_program_whose_library_was_taken_over_by_a_newer_one_writes_no_more(library: Library) -> None:
    add(library, make_article("a", 1))
    with sqlite3.connect(library.folder / LIBRARY_FILE) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()

    with pytest.raises(LibraryMismatchError, match="another version of the assistant has taken it over; start"):
        add(library, make_article("b", 1))


def downgrade(folder: Path, to_version: Callable[[sqlite3.Connection], None]) -> None:
    connection = sqlite3.connect(folder / LIBRARY_FILE, isolation_level=None)
    to_version(connection)
    connection.close()


@pytest.mark.parametrize("version", [0, -1])
def test_a_library_of_a_format_that_never_was_is_refused(library: Library, version: int) -> None:
    add(library, make_article("a", 1))
    library.close()
    with sqlite3.connect(library.folder / LIBRARY_FILE) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    connection.close()

    with opened(library.folder) as again, pytest.raises(LibraryDamagedError, match=f"format {version}"):
        nearest(again, make_vectors(1)[0])


def test_another_embedding_model_of_the_same_dimension_is_refused(library: Library) -> None:
    add(library, make_article("a", 1))

    with opened(library.folder, embedding_model="other words") as other:
        with pytest.raises(LibraryMismatchError, match="made with the embedding model words, not other words"):
            nearest(other, make_vectors(1)[0])
        with pytest.raises(LibraryMismatchError, match="--embedding-model"):
            add(other, make_article("b", 1))

    with library.snapshot() as snapshot:
        assert [ref.id for ref in snapshot.articles()] == ["a"]


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_folder_that_can_not_be_made_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("Not a folder.")

    refusal = pytest.raises(LibraryError, match=r"can't be written .*; choose another folder with --index")
    with opened(tmp_path / place) as library, refusal:
        add(library, make_article("a", 1))


# Readers and writers -------------------------------------------------------------------------------------------------


def test_a_snapshot_sees_one_state(library: Library, articles: Articles) -> None:
    add(library, articles[0])

    with opened(library.folder) as reader, reader.snapshot() as before:
        add(library, articles[1], seed=3)
        remove(library, "fox")

        assert [ref.id for ref in before.articles()] == ["fox"]
        assert before.match(["fox"], limit=100)
        assert before.match(["jill"], limit=100) == []
        assert len(before.nearest(make_vectors(1)[0], limit=100)) == before.passage_count == len(embed(articles[0])[1])
        with reader.snapshot() as after:
            assert [ref.id for ref in after.articles()] == ["jill"]
            assert len(after.nearest(make_vectors(1)[0], limit=100)) == after.passage_count
        assert len(before.nearest(make_vectors(1)[0], limit=100)) == before.passage_count


def test_a_snapshot_of_nothing_does_not_hide_what_comes_after(library: Library, articles: Articles) -> None:
    with library.snapshot() as before:
        add(library, *articles)
        assert before.articles() == ()

    with library.snapshot() as after:
        assert len(after.articles()) == 3
    with opened(library.folder) as again:
        add(library, make_article("d", 1), publish=False)
        with again.snapshot() as snapshot:
            assert len(snapshot.articles()) == 4


def add_in_another_process(folder: Path, ids: Sequence[str], talk: Connection) -> None:
    with opened(folder) as library:
        with library.writing():
            talk.send(os.getpid())
            talk.recv()
            library.add([embed(make_article(id, 3)) for id in ids])
            library.publish()
        talk.send("done")


def test_another_process_that_writes_is_named_and_then_read(library: Library) -> None:
    add(library, make_article("a", 3), seed=1)
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=add_in_another_process, args=(library.folder, ["b", "c"], theirs)
    )
    process.start()
    try:
        number = ours.recv()

        with pytest.raises(LibraryLockedError, match=f"process {number} is writing; try again later"):
            add(library, make_article("d", 1))
        assert len(nearest(library, make_vectors(1)[0], 100)) == 3

        ours.send("go on")
        assert ours.recv() == "done"
        assert len(nearest(library, make_vectors(1)[0], 100)) == 9
        assert is_chroma_used(library)
    finally:
        process.join(timeout=30)
        process.close()
        ours.close()
        theirs.close()

    add(library, make_article("d", 1), seed=4)
    assert not (library.folder / HOLDER_FILE).exists()
    assert_nearest_is_exact(library)


def test_a_second_writer_in_this_process_is_refused_too(library: Library) -> None:
    with (
        opened(library.folder) as other,
        library.writing(),
        pytest.raises(LibraryLockedError, match=f"process {os.getpid()} is writing"),
        other.writing(),
    ):
        pass  # never gets here


def test_many_threads_read_while_one_writes(library: Library) -> None:
    add(library, make_article("a", 20))
    stop = threading.Event()
    failures: list[BaseException] = []
    counts: list[set[int]] = []

    def read(seed: int) -> None:
        seen = set()
        query = make_vectors(1, seed=seed)[0]
        try:
            while not stop.is_set():
                with library.snapshot() as snapshot:
                    count = snapshot.passage_count
                    found = snapshot.nearest(query, limit=1000)
                    assert len(found) == count == len(snapshot.load([id for id, _ in found]))
                    assert snapshot.match(["title"], limit=1000)
                    seen.add(count)
        except BaseException as failure:
            failures.append(failure)
        counts.append(seen)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for number in range(4):
        add(library, make_article(f"b{number}", 5), seed=number)
    remove(library, "b1")
    stop.set()
    for thread in threads:
        thread.join()

    assert failures == []
    assert set().union(*counts) <= {20, 25, 30, 35, 40}
    assert_nearest_is_exact(library)


def test_closing_twice_is_fine_and_what_is_closed_stays_closed(library: Library) -> None:
    add(library, make_article("a", 3))
    assert is_chroma_used(library)

    library.close()
    library.close()

    with pytest.raises(LibraryError, match="closed"):
        nearest(library, make_vectors(1)[0])
    with pytest.raises(LibraryError, match="closed"):
        add(library, make_article("b", 1))


def test_a_snapshot_that_is_open_when_the_library_is_closed_goes_on(library: Library) -> None:
    add(library, make_article("a", 3))

    with library.snapshot() as snapshot:
        library.close()

        assert len(snapshot.nearest(make_vectors(1)[0], limit=10)) == 3


def test_two_assistants_in_one_process_do_not_close_each_other(library: Library) -> None:
    add(library, make_article("a", 3))

    with opened(library.folder) as other:
        assert is_chroma_used(other)
    assert is_chroma_used(library)

    assert_nearest_is_exact(library)


def test_times_come_back_with_their_zone(library: Library) -> None:
    article = replace(make_article("a", 1), published=datetime(2025, 3, 15, 9, 30, tzinfo=UTC))
    add(library, article)

    with library.snapshot() as snapshot:
        assert snapshot.articles()[0].published == article.published


def test_a_folder_of_chroma_that_is_not_ours_is_left_alone(library: Library, articles: Articles) -> None:
    theirs = library.folder / CHROMA_FOLDER / "precious" / "data"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("not ours")

    add(library, *articles)
    remove(library, articles[0].id)

    assert theirs.read_text() == "not ours"


def test_vectors_of_another_length_are_refused_and_nothing_of_theirs_is_stored(library: Library) -> None:
    add(library, make_article("jill", 2))
    article, embedded = embed(make_article("lamb", 1))
    longer = [replace(embedded[0], vector=np.zeros(9, np.float32))]

    with library.writing(), pytest.raises(LibraryMismatchError, match="8 numbers"):
        library.add([(article, longer)])

    with library.snapshot() as snapshot:
        assert [ref.id for ref in snapshot.articles()] == ["jill"]
        with pytest.raises(LibraryMismatchError, match="9"):
            snapshot.nearest(np.zeros(9, np.float32), limit=1)


def test_a_library_without_articles_is_of_any_model(tmp_path: Path) -> None:
    first = Library(tmp_path, embedding_model="one")
    with first.writing():
        pass
    first.close()
    second = Library(tmp_path, embedding_model="two")

    add(second, make_article("jill", 2))
    second.close()

    third = Library(tmp_path, embedding_model="one")
    with pytest.raises(LibraryMismatchError, match="two"), third.snapshot():
        pass
    third.close()


@pytest.mark.parametrize("is_file", [True, False], ids=["the folder is a file", "the library is a folder"])
def test_what_is_no_index_folder_is_not_taken_for_an_empty_one(tmp_path: Path, is_file: bool) -> None:
    if is_file:
        (tmp_path / "index").write_text("not a folder")
    else:
        (tmp_path / "index" / "library.sqlite3").mkdir(parents=True)
    library = Library(tmp_path / "index", embedding_model="words")

    with pytest.raises(LibraryError, match="--index"), library.snapshot():
        pass

    library.close()
