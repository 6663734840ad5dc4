import json
import os
import shutil
import sqlite3
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from chromadb.utils.embedding_functions import known_embedding_functions, register_embedding_function
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from assistant.errors import LibraryError
from assistant.vectors import (
    DATABASE_FILE,
    FloatArray,
    Generation,
    Neighbour,
    ScaledVectors,
    SegmentFile,
    build_generation,
    exact_neighbours,
    record_segments,
    screen_neighbours,
)

DIMENSION = 8
LARGE = 250  # vectors, enough for Chroma to write its segment files


def make_vectors(count: int, *, seed: int = 0) -> FloatArray:
    vectors = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def build(folder: Path, ids: Sequence[int], vectors: FloatArray) -> tuple[SegmentFile, ...]:
    return build_generation(folder, base=None, keep=(), add=[(ids, vectors)])


def ids_of(neighbours: Sequence[Neighbour] | None) -> list[int]:
    assert neighbours is not None
    return [id for id, _ in neighbours]


def ask(folder: Path, recorded: tuple[SegmentFile, ...], query: FloatArray, limit: int) -> list[Neighbour] | None:
    generation = Generation.open(folder, recorded)
    if generation is None:
        return None
    found = generation.nearest(query, limit)
    generation.close()
    return found


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, tuple[SegmentFile, ...]]:
    """A generation that Chroma has written its segment files for; copy it before you touch it."""
    folder = tmp_path_factory.mktemp("large") / "00000001"
    return folder, build(folder, range(1, LARGE + 1), make_vectors(LARGE))


@pytest.fixture
def copied(large: tuple[Path, tuple[SegmentFile, ...]], tmp_path: Path) -> tuple[Path, tuple[SegmentFile, ...]]:
    folder = tmp_path / "copy"
    shutil.copytree(large[0], folder)
    return folder, large[1]


@given(
    arrays.arrays(np.float32, (20, 3), elements=st.integers(-2, 2)),
    st.permutations(range(100, 120)),
    st.integers(1, 30),
)
def test_exact_neighbours_are_all_sorted_by_cosine_then_id(vectors: FloatArray, ids: list[int], limit: int) -> None:
    query = np.array([1, 2, -1], np.float32)

    found = exact_neighbours(query, ids, vectors, limit)

    assert found == sorted(zip(ids, (vectors @ query).tolist(), strict=True), key=lambda n: (-n[1], n[0]))[:limit]


def test_nothing_has_no_neighbours() -> None:
    assert exact_neighbours(np.ones(3, np.float32), [], np.zeros((0, 3), np.float32), 5) == []


def test_a_generation_finds_the_nearest_as_exact_search_does(large: tuple[Path, tuple[SegmentFile, ...]]) -> None:
    vectors = make_vectors(LARGE)
    generation = Generation.open(*large)
    assert generation is not None

    for query in make_vectors(20, seed=1):
        found = generation.nearest(query, 10)
        exact = exact_neighbours(query, range(1, LARGE + 1), vectors, 10)
        assert ids_of(found) == ids_of(exact)
        assert np.allclose([c for _, c in found or []], [c for _, c in exact], atol=1e-5)
    generation.close()


def test_a_generation_gives_all_it_has_when_asked_for_more(tmp_path: Path) -> None:
    recorded = build(tmp_path / "g", [5, 3], make_vectors(2))
    nothing = build_generation(tmp_path / "empty", base=None, keep=(), add=[])

    assert sorted(ids_of(ask(tmp_path / "g", recorded, make_vectors(1)[0], 50))) == [3, 5]
    assert ask(tmp_path / "empty", nothing, make_vectors(1)[0], 50) == []


def test_a_generation_made_from_another_leaves_that_as_it_was(
    large: tuple[Path, tuple[SegmentFile, ...]], tmp_path: Path
) -> None:
    folder, recorded = large
    vectors, fresh = make_vectors(LARGE), make_vectors(3, seed=2)
    keep = set(range(1, LARGE + 1)) - {1, 7}

    segments = build_generation(tmp_path / "next", base=folder, keep=keep, add=[([2001, 2002, 2003], fresh)])

    assert ids_of(ask(tmp_path / "next", segments, vectors[0], LARGE + 9))[0] != 1
    assert set(ids_of(ask(tmp_path / "next", segments, vectors[0], LARGE + 9))) == keep | {2001, 2002, 2003}
    assert ids_of(ask(tmp_path / "next", segments, fresh[0], 1)) == [2001]
    assert record_segments(folder) == recorded
    assert ids_of(ask(folder, recorded, vectors[0], 1)) == [1]


def test_asking_changes_nothing_that_is_recorded(copied: tuple[Path, tuple[SegmentFile, ...]], tmp_path: Path) -> None:
    small = tmp_path / "small", build(tmp_path / "small", range(1, 9), make_vectors(8))

    for folder, recorded in (copied, small):
        for _ in range(2):
            assert ids_of(ask(folder, recorded, make_vectors(1)[0], 1)) == [1]
            assert record_segments(folder) == recorded
    assert copied[1]


@pytest.mark.parametrize("damage", ["missing", "half", "zeroed", "empty", "touched"])
@pytest.mark.parametrize(
    "name", ["data_level0.bin", "header.bin", "index_metadata.pickle", "length.bin", "link_lists.bin"]
)
def test_a_damaged_segment_file_is_noticed_before_chroma_opens_it(
    copied: tuple[Path, tuple[SegmentFile, ...]], name: str, damage: str
) -> None:
    folder, recorded = copied
    file = next(folder / segment.name for segment in recorded if segment.name.endswith(name))
    data = file.read_bytes()
    if damage == "missing":
        file.unlink()
    elif damage == "touched":
        os.utime(file, (1, 1))
    else:
        file.write_bytes({"half": data[: len(data) // 2], "zeroed": bytes(len(data)), "empty": b""}[damage])

    assert Generation.open(folder, recorded) is None


@pytest.mark.parametrize("damage", ["missing", "half", "zeroed", "empty", "foreign"])
def test_a_damaged_database_is_noticed(copied: tuple[Path, tuple[SegmentFile, ...]], damage: str) -> None:
    folder, recorded = copied
    database = folder / DATABASE_FILE
    data = database.read_bytes()
    database.unlink()
    if damage == "foreign":
        sqlite3.connect(database).close()
    elif damage != "missing":
        database.write_bytes({"half": data[: len(data) // 2], "zeroed": bytes(len(data)), "empty": b""}[damage])

    assert Generation.open(folder, recorded) is None


def test_a_missing_folder_and_another_collection_are_no_generation(tmp_path: Path) -> None:
    recorded = build(tmp_path / "g", [1], make_vectors(1))
    with sqlite3.connect(tmp_path / "g" / DATABASE_FILE) as connection:
        connection.execute("UPDATE collections SET name = 'another'")
    connection.close()

    assert Generation.open(tmp_path / "g", recorded) is None
    assert Generation.open(tmp_path / "gone", ()) is None


def test_building_from_a_damaged_base_is_an_error_of_ours(
    copied: tuple[Path, tuple[SegmentFile, ...]], tmp_path: Path
) -> None:
    database = copied[0] / DATABASE_FILE
    database.write_bytes(database.read_bytes()[:8192])

    with pytest.raises(LibraryError, match="Chroma can't build its index there"):
        build_generation(tmp_path / "next", base=copied[0], keep=(), add=[])


class Canary:
    """An embedding function that says when it is made."""

    made: list[object]

    def __init__(self, *_: object, **__: object) -> None:
        Canary.made.append(self)

    def __call__(self, input: Sequence[str]) -> list[FloatArray]:
        return [np.ones(DIMENSION, np.float32) for _ in input]

    @staticmethod
    def name() -> str:
        return "canary"

    @staticmethod
    def build_from_config(_: object) -> "Canary":
        return Canary()

    def get_config(self) -> dict[str, object]:
        return {}


@pytest.mark.parametrize("column", ["schema_str", "config_json_str"])
def test_a_stored_embedding_function_is_never_made(tmp_path: Path, column: str) -> None:
    Canary.made = []
    register_embedding_function(Canary)
    folder = tmp_path / "g"
    recorded = build(folder, [1], make_vectors(1))
    function = {"type": "known", "name": "canary", "config": {}}
    with sqlite3.connect(folder / DATABASE_FILE) as connection:
        stored = json.loads(connection.execute("SELECT schema_str FROM collections").fetchone()[0])
        if column == "schema_str":
            stored["keys"]["#embedding"]["float_list"]["vector_index"]["config"]["embedding_function"] = function
        else:
            stored = {"hnsw": {}, "embedding_function": function}
        connection.execute(f"UPDATE collections SET {column} = ?", (json.dumps(stored),))
    connection.close()

    try:
        generation = Generation.open(folder, recorded)
    finally:
        del known_embedding_functions["canary"]

    assert generation is None
    assert Canary.made == []


@pytest.mark.parametrize("stored", ["not JSON", '{"a":' * 100_000, "5", '[{"embedding_function": {"type": "known"}}]'])
def test_a_configuration_that_says_something_strange_is_not_trusted_or_does_no_harm(
    tmp_path: Path, stored: str
) -> None:
    recorded = build(tmp_path / "g", [1], make_vectors(1))
    with sqlite3.connect(tmp_path / "g" / DATABASE_FILE) as connection:
        connection.execute("UPDATE collections SET config_json_str = ?", (stored,))
    connection.close()

    found = ask(tmp_path / "g", recorded, make_vectors(1)[0], 1)

    assert found is None or ids_of(found) == [1]


def test_a_closed_generation_answers_nothing(tmp_path: Path) -> None:
    recorded = build(tmp_path / "g", [1], make_vectors(1))
    generation = Generation.open(tmp_path / "g", recorded)
    assert generation is not None

    generation.close()
    generation.close()

    assert generation.nearest(make_vectors(1)[0], 1) is None


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="open files can't be counted here")
def test_a_closed_generation_holds_no_files(tmp_path: Path) -> None:
    folder = tmp_path / "g"

    assert ask(folder, build(folder, [1], make_vectors(1)), make_vectors(1)[0], 1)

    # Chroma lets go of its files a moment after it has been closed.
    for _ in range(100):
        if not (still_open := find_open_files(folder)):
            break
        time.sleep(0.02)
    assert not still_open


def find_open_files(folder: Path) -> list[str]:
    found = []
    for link in Path("/proc/self/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.append(str(link.readlink()))
    return [name for name in found if name.startswith(str(folder))]


# Screening ------------------------------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 1000),
    count=st.integers(1, 300),
    limit=st.integers(1, 40),
    spread=st.sampled_from([1e-4, 0.1, 1]),
)
def test_screening_leaves_out_none_of_the_nearest(seed: int, count: int, limit: int, spread: float) -> None:
    random = np.random.default_rng(seed)
    rows = random.normal(size=16) + spread * random.normal(size=(count, 16))
    vectors = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    query = vectors[0] + np.float32(spread) * random.normal(size=16).astype(np.float32)
    query /= np.linalg.norm(query)
    scales = np.abs(vectors).max(axis=1) / np.float32(127)
    rounded = np.rint(vectors / scales[:, None]).astype(np.int8)
    ids = np.arange(count) * 3
    half = count // 2
    batches = [ScaledVectors(ids[part], scales[part], rounded[part]) for part in (slice(half), slice(half, None))]

    screened = screen_neighbours(query, batches, limit)

    assert {id for id, _ in exact_neighbours(query, ids.tolist(), vectors, limit)} <= set(screened)


def test_screening_spares_most_of_what_is_far() -> None:
    vectors = make_vectors(2000, seed=3)
    scales = np.abs(vectors).max(axis=1) / np.float32(127)
    batch = ScaledVectors(np.arange(2000), scales, np.rint(vectors / scales[:, None]).astype(np.int8))

    assert len(screen_neighbours(vectors[7], [batch], 10)) < 100
    assert screen_neighbours(vectors[7], [], 10) == []
