"""The encoder of BERT (Devlin et al., 2018) in numpy: a forward pass, no more."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np

from datamem.search.embedders.protocol import Matrix

_EPSILON: Final = 1e-12

_ERF_TOP: Final = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
_ERF_BOTTOM: Final = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


class Bert:
    """The weights of an encoder, and what it makes of tokens.

    Args:
        weights: tensors by the names that sentence-transformers gives them.
        heads: of the attention.
    """

    def __init__(self, weights: Mapping[str, Any], heads: int) -> None:
        self._heads = heads
        self._words: Matrix = weights["embeddings.word_embeddings.weight"]
        places = weights["embeddings.position_embeddings.weight"]
        self._places: Matrix = places + weights["embeddings.token_type_embeddings.weight"][0]
        self._norm = _norm_of(weights, "embeddings.LayerNorm")
        count = 1 + max(int(name.split(".")[2]) for name in weights if ".layer." in name)
        self._layers = [_Layer(weights, f"encoder.layer.{i}", heads) for i in range(count)]

    def means(self, ids: Sequence[Sequence[int]]) -> Matrix:
        """Return the mean of each text's tokens after the last layer, float32[n, d].

        Args:
            ids: token numbers of each text, at least one.
        """
        lengths = np.array([len(one) for one in ids])
        width = int(lengths.max())
        padded = np.zeros((len(ids), width), np.int64)
        for row, one in zip(padded, ids, strict=True):
            row[: len(one)] = one
        is_token = np.arange(width) < lengths[:, None]
        mask = np.where(is_token, 0.0, -1e9).astype(np.float32)[:, None, None, :]
        hidden = _normalised(self._words[padded] + self._places[:width], self._norm)
        for layer in self._layers:
            hidden = layer(hidden, None if is_token.all() else mask)
        weights = is_token.astype(np.float32) / lengths[:, None].astype(np.float32)
        means: Matrix = np.einsum("nt,ntd->nd", weights, hidden)
        return means


_Norm = tuple[Matrix, Matrix]


def _norm_of(weights: Mapping[str, Any], name: str) -> _Norm:
    return weights[f"{name}.weight"], weights[f"{name}.bias"]


class _Layer:
    """Attention, then two dense steps, each added to what it was given and normalised."""

    def __init__(self, weights: Mapping[str, Any], name: str, heads: int) -> None:
        parts = [f"{name}.attention.self.{part}" for part in ("query", "key", "value")]
        joined = np.concatenate([weights[f"{part}.weight"] for part in parts])
        bias = np.concatenate([weights[f"{part}.bias"] for part in parts])
        self._project = (np.ascontiguousarray(joined.T), bias)
        self._out = _dense_of(weights, f"{name}.attention.output.dense")
        self._attention_norm = _norm_of(weights, f"{name}.attention.output.LayerNorm")
        self._wide = _dense_of(weights, f"{name}.intermediate.dense")
        self._narrow = _dense_of(weights, f"{name}.output.dense")
        self._norm = _norm_of(weights, f"{name}.output.LayerNorm")
        self._heads = heads

    def __call__(self, hidden: Matrix, mask: Matrix | None) -> Matrix:
        attended = _dense(self._attended(hidden, mask), self._out)
        hidden = _normalised(hidden + attended, self._attention_norm)
        inner = _gelu(_dense(hidden, self._wide))
        return _normalised(hidden + _dense(inner, self._narrow), self._norm)

    def _attended(self, hidden: Matrix, mask: Matrix | None) -> Matrix:
        n, width, size = hidden.shape
        split = _dense(hidden, self._project).reshape(n, width, 3, self._heads, -1)
        query, key, value = split.transpose(2, 0, 3, 1, 4)
        scores = query @ key.transpose(0, 1, 3, 2)
        scores *= np.float32((size // self._heads) ** -0.5)
        if mask is not None:
            scores += mask
        scores -= scores.max(axis=-1, keepdims=True)
        np.exp(scores, out=scores)
        scores /= scores.sum(axis=-1, keepdims=True)
        attended: Matrix = (scores @ value).transpose(0, 2, 1, 3).reshape(n, width, size)
        return attended


_Dense = tuple[Matrix, Matrix]


def _dense_of(weights: Mapping[str, Any], name: str) -> _Dense:
    return np.ascontiguousarray(weights[f"{name}.weight"].T), weights[f"{name}.bias"]


def _dense(hidden: Matrix, dense: _Dense) -> Matrix:
    weight, bias = dense
    flat = hidden.reshape(-1, hidden.shape[-1]) @ weight
    flat += bias
    return flat.reshape(*hidden.shape[:-1], -1)


def _normalised(hidden: Matrix, norm: _Norm) -> Matrix:
    hidden = hidden - hidden.mean(axis=-1, keepdims=True)
    variance = np.einsum("...d,...d->...", hidden, hidden) / np.float32(hidden.shape[-1])
    hidden /= np.sqrt(variance + np.float32(_EPSILON))[..., None]
    hidden *= norm[0]
    hidden += norm[1]
    return hidden


def _gelu(x: Matrix) -> Matrix:
    """Return x * (1 + erf(x / sqrt 2)) / 2, in blocks that stay in the cache."""
    flat = x.reshape(-1)
    for start in range(0, len(flat), 1 << 14):
        block = flat[start : start + (1 << 14)]
        block *= (1 + _erf(block * np.float32(0.5**0.5))) * np.float32(0.5)
    return x


def _erf(x: Matrix) -> Matrix:
    """Return erf to a few units in the last place of a float32 (Eigen's rational approximation)."""
    x = np.clip(x, -4, 4)
    square = x * x
    top = _polynomial(_ERF_TOP, square)
    top *= x
    top /= _polynomial(_ERF_BOTTOM, square)
    return top


def _polynomial(coefficients: Sequence[float], x: Matrix) -> Matrix:
    found: Matrix = np.full_like(x, coefficients[0])
    for coefficient in coefficients[1:]:
        found *= x
        found += np.float32(coefficient)
    return found
