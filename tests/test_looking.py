"""Files, folders and the standard input as sources: from their places into the library, and again."""

import io
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fakes import WordEmbedder
from libraries import everywhere

from assistant.ingest import add_sources, update_sources
from assistant.library import Library
from assistant.looking import Given, Source
from assistant.reading import MAX_FILE_BYTES
from assistant.types import Article, IngestReport, Origin, PassedOver

Articles = tuple[Article, Article, Article]


def add(library: Library, embedder: WordEmbedder, *sources: Source) -> IngestReport:
    return add_sources(sources, library=library, embedder=embedder)


def find_ids(library: Library, *terms: str) -> set[str]:
    """Find the articles with a passage that holds any of the terms."""
    with library.snapshot() as snapshot:
        return {stored.article.id for stored in snapshot.load([id for id, _ in snapshot.match(terms, limit=1000)])}


def stored_ids(library: Library) -> list[str]:
    with library.snapshot() as snapshot:
        return [ref.id for ref in snapshot.articles()]


def write(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.fixture
def embedder() -> WordEmbedder:
    return WordEmbedder()


# Files ---------------------------------------------------------------------------------------------------------------


def test_a_folder_is_the_same_articles_by_any_path(
    library: Library, embedder: WordEmbedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stories"
    folder.mkdir()
    write(folder, "rain.md", "It rained.")
    write(folder, "sun.txt", "The sun shone.")
    (tmp_path / "link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)

    first = add(library, embedder, folder)
    again = add(library, embedder, "stories", Path("stories/rain.md"), "./stories/../stories/sun.txt", "link")

    assert len(first.added) == 2
    assert again.unchanged == first.added
    assert (again.added, again.failed) == ((), ())


def test_one_bad_source_stops_no_other(
    library: Library, embedder: WordEmbedder, articles: Articles, tmp_path: Path
) -> None:
    empty = write(tmp_path, "empty.md", "")
    binary = write(tmp_path, "picture.txt", bytes(range(256)) * 40)
    large = tmp_path / "large.txt"
    with large.open("wb") as file:
        file.truncate(MAX_FILE_BYTES + 1)
    good = write(tmp_path, "rain.md", "It rained.")
    (tmp_path / "nothing").mkdir()
    sources = [
        *(tmp_path / "gone.md", empty, binary, large, tmp_path / "nothing", tmp_path / ("x" * 300)),
        *("http://127.0.0.1/story", replace(articles[0], text=" "), good, articles[1]),
    ]

    report = add(library, embedder, *sources)

    assert report.added == (good.resolve().as_uri(), "jill")
    # A source's name isn't said twice.
    assert {failure.source: failure.reason.replace(",", ":").split(":")[0] for failure in report.failed} == {
        str(tmp_path / "gone.md"): "no such file or folder",
        str(empty): "empty",
        str(binary): "not text",
        str(large): "too large",
        str(tmp_path / "nothing"): "no articles in this folder",
        str(tmp_path / ("x" * 300)): "can't be read",
        "http://127.0.0.1/story": "refused",
        "article 'fox'": "empty",
    }
    assert all("\n" not in failure.reason for failure in report.failed)
    assert stored_ids(library) == list(report.added)


def test_files_of_a_folder_that_hold_no_article_are_no_failures(
    library: Library, embedder: WordEmbedder, tmp_path: Path
) -> None:
    folder = tmp_path / "news"
    folder.mkdir()
    story = write(folder, "story", "It rained.")
    picture = write(folder, "picture", b"\x89PNG\r\n\x1a\n")

    misnamed = write(folder, "picture.txt", b"\x89PNG\r\n\x1a\n")
    noise = write(folder, "sound.md", bytes(range(256)) * 40)

    first, second = add(library, embedder, folder), add(library, embedder, folder)
    alone = add(library, embedder, picture)

    assert first.added == second.unchanged == (story.resolve().as_uri(),)
    assert (
        first.passed_over
        == second.passed_over
        == (
            PassedOver(str(picture), "image"),
            PassedOver(str(misnamed), "image"),
            PassedOver(str(noise), "binary file"),
        )
    )
    assert first.failed == second.failed == ()
    assert [failure.reason.partition(":")[0] for failure in alone.failed] == [
        "no article can be read from this kind of file (image)"
    ]


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("file:///etc/motd", "give a file by its path, without file://"),
        ("ftp:/news.example/story", "only addresses that begin with http:// or https:// are fetched, and files are"),
        ("https:/news.example/story", "not an address: write it with two slashes, https://"),
    ],
)
def test_an_address_of_another_kind_says_what_to_give(
    library: Library, embedder: WordEmbedder, source: str, reason: str
) -> None:
    (failure,) = add(library, embedder, source).failed

    assert failure.source == source
    assert failure.reason.startswith(reason)


def test_only_bad_sources_make_no_library(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    report = add(library, embedder, tmp_path / "gone.md")

    assert len(report.failed) == 1
    assert not library.folder.exists()


def test_a_file_that_changes_is_updated_in_place(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    path = write(tmp_path, "weather.md", "It rained for days.")
    add(library, embedder, path)

    write(tmp_path, "weather.md", "It snowed.")
    report = add(library, embedder, path)

    assert report.updated == (path.resolve().as_uri(),)
    assert find_ids(library, "rained") == set()
    assert find_ids(library, "snowed") == set(report.updated)


@pytest.mark.skipif(os.name == "nt", reason="such a name can't be written there")
def test_a_file_with_a_strange_name_is_an_article(library: Library, embedder: WordEmbedder, tmp_path: Path) -> None:
    path = write(tmp_path, os.fsdecode(b"caf\xe9 \n%2F?#.txt"), "It rained.")

    report = add(library, embedder, path)

    assert report.failed == ()
    assert stored_ids(library) == list(report.added) == [path.resolve().as_uri()]


# Looking again -------------------------------------------------------------------------------------------------------


def update(library: Library, embedder: WordEmbedder, *, remove_gone: bool = False) -> IngestReport:
    embedder.embedded.clear()
    return update_sources(library=library, embedder=embedder, remove_gone=remove_gone)


def age(*paths: Path, hours: int = 1) -> None:
    """Make files look as if they were written hours ago, on the whole second."""
    seconds = 1_700_000_000 - 3600 * hours
    for path in paths:
        os.utime(path, (seconds, seconds))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "stories"
    folder.mkdir()
    for name in ("hail", "rain", "snow"):
        write(folder, f"{name}.md", f"# On {name}\n\nIt brought {name} to the hills.")
    return folder


def text_of(library: Library, path: Path) -> str | None:
    with library.snapshot() as snapshot:
        article = snapshot.article(path.resolve().as_uri())
    return article.text if article else None


def test_what_looks_as_it_did_is_not_even_read(library: Library, embedder: WordEmbedder, folder: Path) -> None:
    paths = sorted(folder.iterdir())
    age(*paths)
    ids = add(library, embedder, folder).added
    write(folder, "rain.md", "# On rain\n\nIt brought RAIN to the hills.")
    age(folder / "rain.md")
    with library.snapshot() as snapshot:
        assert [source.name for source in snapshot.sources()] == [folder.resolve().as_uri()]

    for report in (update(library, embedder), add(library, embedder, folder), add(library, embedder, str(folder))):
        assert report.unchanged == ids
        assert (report.added, report.updated, report.gone, report.failed) == ((), (), (), ())
    assert embedder.embedded == []
    assert "RAIN" not in str(text_of(library, folder / "rain.md"))


def test_a_bad_date_is_not_read_where_one_is_given(library: Library, embedder: WordEmbedder, folder: Path) -> None:
    day = datetime(2025, 1, 13, tzinfo=UTC)
    bad = write(folder, "bad.md", "---\npublished: 2025-13-45\noutlet: Vale Observer\n---\nIt rained.")

    listed = write(folder, "bad.jsonl", '{"id": "snow", "text": "It snowed.", "published": "soon"}\n')

    alone = add(library, embedder, bad)
    report = add_sources([bad, listed], library=library, embedder=embedder, given=Given(published=day))

    assert [failure.reason.partition(":")[0] for failure in alone.failed] == ["published"]
    assert (report.added, report.failed) == ((bad.resolve().as_uri(), "snow"), ())
    with library.snapshot() as snapshot:
        article = snapshot.article(report.added[0])
    assert article is not None
    assert (article.published, article.outlet) == (day, "Vale Observer")
    assert Origin("published", "given") in article.origins


def test_what_may_have_changed_in_the_same_tick_of_the_clock_is_read(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    add(library, embedder, folder)
    before = (folder / "rain.md").stat()
    write(folder, "rain.md", "# On rain\n\nIt brought RAIN to the hills.")
    os.utime(folder / "rain.md", ns=(before.st_mtime_ns, before.st_mtime_ns))

    assert update(library, embedder).updated == ((folder / "rain.md").resolve().as_uri(),)
    assert "RAIN" in str(text_of(library, folder / "rain.md"))


def test_a_file_that_was_only_touched_costs_no_embedding(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    add(library, embedder, folder)
    age(*folder.iterdir(), hours=2)

    assert len(update(library, embedder).unchanged) == 3
    assert embedder.embedded == []


@everywhere
def test_an_update_takes_what_is_new_and_changed_and_says_what_is_gone(
    library: Library, embedder: WordEmbedder, articles: Articles, folder: Path
) -> None:
    add(library, embedder, folder, articles[0])
    hail, rain, snow = sorted(folder.iterdir())
    write(folder, "rain.md", "# On rain\n\nIt brought a flood to the valley.")
    new = write(folder, "fog.md", "# On fog\n\nNobody saw it come.")
    snow.unlink()

    report = update(library, embedder)

    assert report.unchanged == (hail.resolve().as_uri(),)
    assert report.updated == (rain.resolve().as_uri(),)
    assert report.added == (new.resolve().as_uri(),)
    assert report.gone == (snow.as_uri(),)
    assert (report.removed, report.failed, report.passages) == ((), (), 2)
    assert find_ids(library, "snow") == {snow.as_uri()}  # until somebody says that it may go
    assert update(library, embedder).gone == (snow.as_uri(),)

    report = update(library, embedder, remove_gone=True)

    assert report.gone == report.removed == (snow.as_uri(),)
    assert find_ids(library, "snow") == set()
    assert update(library, embedder, remove_gone=True).gone == ()
    assert "fox" in stored_ids(library)
    write(folder, "snow.md", "# On snow\n\nIt brought snow to the hills.")
    assert update(library, embedder).added == (snow.as_uri(),)


@everywhere
def test_old_text_never_answers_again_and_stays_to_be_seen(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    add(library, embedder, folder)
    rain = folder / "rain.md"
    texts = ["It brought rain to the hills.", "A quaint deluge came.", "Nothing came."]
    for text in texts[1:]:
        write(folder, "rain.md", f"# On rain\n\n{text}")
        update(library, embedder)

    with library.snapshot() as snapshot:
        revisions = snapshot.revisions(rain.resolve().as_uri())
        assert snapshot.match(["quaint", "deluge"], limit=10) == []
        assert snapshot.passage_count == 3
    assert [revision.article.text.split("\n")[-1] for revision in revisions] == texts
    times = [revision.since for revision in revisions]
    assert times == sorted(time for time in times if time)
    assert [revision.until for revision in revisions] == [*times[1:], None]


def test_a_file_that_was_given_and_is_not_there_any_more_is_gone_and_a_folder_that_is_not_is_a_failure(
    library: Library, embedder: WordEmbedder, folder: Path, tmp_path: Path
) -> None:
    sun = write(tmp_path, "sun.md", "The sun shone.")
    add(library, embedder, folder, sun)
    sun.unlink()
    folder.rename(tmp_path / "elsewhere")

    report = update(library, embedder, remove_gone=True)

    assert report.removed == (sun.as_uri(),)
    assert [failure.reason for failure in report.failed] == ["no such file or folder"]
    assert report.gone == report.removed
    assert len(stored_ids(library)) == 3
    with library.snapshot() as snapshot:
        assert [source.name for source in snapshot.sources()] == [folder.as_uri()]


@everywhere
def test_what_was_removed_by_hand_stays_away_until_it_is_given_again(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    add(library, embedder, folder)
    rain = (folder / "rain.md").resolve().as_uri()
    with library.writing():
        library.remove(rain)

    for _ in range(2):
        report = update(library, embedder)
        assert (report.added, report.failed, len(report.unchanged)) == ((), (), 2)

    assert add(library, embedder, folder).added == (rain,)
    assert len(update(library, embedder).unchanged) == 3


def test_an_article_of_two_files_is_gone_with_the_last_of_them(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    header = "---\ntitle: Storm\nurl: https://vale.example/storm\n---\nThe storm came."
    one, other = (write(folder, name, header) for name in ("storm.md", "storm again.md"))
    assert len(add(library, embedder, folder).added) == 4

    one.unlink()
    assert update(library, embedder).gone == ()
    other.unlink()
    assert update(library, embedder).gone == ("https://vale.example/storm",)


def test_a_file_that_holds_another_article_has_lost_the_one_before(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    path = write(folder, "storm.md", "---\nurl: https://vale.example/storm\n---\nThe storm came.")
    add(library, embedder, folder)
    write(folder, "storm.md", "---\nurl: https://vale.example/calm\n---\nThe storm went.")

    for expected in (("https://vale.example/calm",), ()):
        report = add(library, embedder, path)
        assert (report.added, report.failed) == (expected, ())
    assert update(library, embedder).gone == ("https://vale.example/storm",)


def test_a_file_that_can_not_be_read_any_more_stays_as_it_was(
    library: Library, embedder: WordEmbedder, folder: Path
) -> None:
    add(library, embedder, folder)
    write(folder, "rain.md", "")

    for _ in range(2):
        report = update(library, embedder)
        assert (len(report.unchanged), report.gone) == (2, ())
        assert [failure.reason for failure in report.failed] == ["empty: there is no text in it"]
    assert "rain" in str(text_of(library, folder / "rain.md"))


def test_what_is_given_goes_before_what_articles_say_and_is_remembered(
    library: Library, embedder: WordEmbedder, articles: Articles, folder: Path
) -> None:
    day = datetime(2024, 2, 29, tzinfo=UTC)
    add(library, embedder, folder)
    rain = write(folder, "rain.md", "---\noutlet: Rain Review\npublished: 2025-01-01\n---\nIt rained.")

    def give(*sources: Source, outlet: str | None = None, published: datetime | None = None) -> IngestReport:
        given = Given(outlet, published)
        return add_sources(sources, library=library, embedder=embedder, given=given)

    assert len(give(folder, articles[1], outlet="Vale Observer").updated) == 3
    assert give(rain, published=day).updated == (rain.resolve().as_uri(),)
    write(folder, "hail.md", "It hailed.")
    assert update(library, embedder).failed == ()

    with library.snapshot() as snapshot:
        hail, wet, jill = (snapshot.article(id) for id in [*map(as_uri, (folder / "hail.md", rain)), "jill"])
    assert hail is not None
    assert wet is not None
    assert jill is not None
    assert (hail.text, hail.outlet, hail.published) == ("It hailed.", "Vale Observer", None)
    assert Origin("outlet", "given") in hail.origins
    assert (wet.outlet, wet.published) == ("Vale Observer", day)  # what was said of its folder is said of it too
    assert {Origin("outlet", "given"), Origin("published", "given")} <= set(wet.origins)
    assert (jill.outlet, jill.published) == ("Vale Observer", articles[1].published)


def as_uri(path: Path) -> str:
    return path.resolve().as_uri()


def test_the_standard_input_is_an_article(
    library: Library, embedder: WordEmbedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pipe(data: bytes) -> IngestReport:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(data)))
        return add(library, embedder, "-")

    rained, snowed = pipe(b"It rained."), pipe(b"It snowed.")

    assert pipe(b"It rained.").unchanged == rained.added
    assert rained.added != snowed.added
    assert pipe(b"---\nurl: https://vale.example/\n---\nIt hailed.").added == ("https://vale.example/",)
    assert [failure.reason for failure in pipe(b" \n").failed] == ["empty: there is no text in it"]
    assert "too large" in pipe(b"x" * (MAX_FILE_BYTES + 1)).failed[0].reason
    monkeypatch.setattr("sys.stdin", None)
    assert add(library, embedder, "-").failed[0].source == "standard input"
    with library.snapshot() as snapshot:
        assert snapshot.sources() == []
