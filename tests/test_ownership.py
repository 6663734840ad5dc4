from dataclasses import replace
from pathlib import Path

from assistant.ownership import OWN_SOURCES_FILE, OwnSources
from assistant.sources import KnownSource

FOLDER = KnownSource("file:///stories", outlet="Vale Observer")
FEED = KnownSource("https://vale.example/feed", allows_private=True)


def test_what_was_given_is_known_to_every_process_and_nothing_else(tmp_path: Path) -> None:
    own = OwnSources(tmp_path / "data")
    own.note([FOLDER])
    own.note([FOLDER, FEED])

    for each in (own, OwnSources(tmp_path / "data")):
        assert each.holds(FOLDER)
        assert each.holds(replace(FOLDER, outlet="Alder Echo"))
        assert each.holds(FEED)
        assert not each.holds(KnownSource("file:///stories/inner"))
    assert len((tmp_path / "data" / OWN_SOURCES_FILE).read_text().splitlines()) == 2


def test_a_source_may_reach_no_more_than_was_said(tmp_path: Path) -> None:
    own = OwnSources(tmp_path)
    own.note([FOLDER])

    assert not own.holds(replace(FOLDER, allows_private=True))


def test_nobody_reads_what_was_given(tmp_path: Path) -> None:
    OwnSources(tmp_path).note([FOLDER, FEED])

    file = tmp_path / OWN_SOURCES_FILE
    assert "stories" not in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_damage_and_a_folder_that_cannot_be_written_to_are_no_error(tmp_path: Path) -> None:
    (tmp_path / OWN_SOURCES_FILE).write_bytes(b"\xff\x00 not a hash\n")
    own = OwnSources(tmp_path)
    homeless = OwnSources(tmp_path / OWN_SOURCES_FILE / "below")

    own.note([FEED])
    homeless.note([FEED])

    assert OwnSources(tmp_path).holds(FEED)
    assert homeless.holds(FEED)
