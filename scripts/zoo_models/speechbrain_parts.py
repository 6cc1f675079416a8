"""Transformers of speechbrain, and attention, recurrent and other layers by themselves."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zoo_models import Entry, called

FRAMES = (2, 24, 12)
ASR = {
    "tgt_vocab": 6,
    "input_size": 12,
    "d_model": 16,
    "nhead": 2,
    "num_encoder_layers": 2,
    "num_decoder_layers": 1,
    "d_ffn": 24,
    "dropout": 0.0,
    "causal": False,
}


RECOGNISER = "lobes.models.transformer.TransformerASR.TransformerASR"


def lazy(path: str, *args: Any, **options: Any) -> Callable[..., nn.Module]:
    """What makes a class of speechbrain, imported when it is made."""

    def make(*more: Any, **others: Any) -> nn.Module:
        module, _, name = path.rpartition(".")
        cls = getattr(importlib.import_module(f"speechbrain.{module}"), name)
        return cls(*args, *more, **options, **others)

    return make


def attended(model: nn.Module, x: Tensor) -> Any:
    """Queries, keys and values of the same."""
    return model(x, x, x)


def relative(model: nn.Module, x: Tensor) -> Any:
    """With position embeddings."""
    return model(x, x, x, torch.linspace(-1, 1, 47 * 12).to(x).reshape(1, 47, 12))


def encoded(model: nn.Module, x: Tensor) -> Any:
    """The encoder alone, with lengths."""
    return model.encode(x, torch.tensor([1.0, 0.75]))


def decoded(model: nn.Module, x: Tensor) -> Any:
    """Encoder and decoder."""
    return model(x, torch.tensor([[1, 2, 3], [2, 3, 4]]), torch.tensor([1.0, 0.75]))


PARTS: dict[str, Entry] = {
    "TransformerASR": (lazy(RECOGNISER, **ASR), FRAMES, decoded),
    "TransformerASR, encoder": (lazy(RECOGNISER, **ASR), FRAMES, encoded),
    "TransformerASR, Conformer": (
        lazy(
            RECOGNISER,
            **ASR,
            encoder_module="conformer",
            attention_type="RelPosMHAXL",
            kernel_size=5,
            normalize_before=True,
            activation=nn.GELU,
        ),
        FRAMES,
        encoded,
    ),
    "TransformerASR, Branchformer": (
        lazy(
            RECOGNISER,
            **ASR,
            encoder_module="branchformer",
            attention_type="RelPosMHAXL",
            kernel_size=5,
            csgu_linear_units=16,
            activation=nn.GELU,
        ),
        FRAMES,
        encoded,
    ),
    "TransformerASR, RoPE": (
        lazy(
            RECOGNISER,
            **ASR,
            encoder_module="conformer",
            attention_type="RoPEMHA",
            positional_encoding=None,
            normalize_before=True,
            kernel_size=5,
        ),
        FRAMES,
        encoded,
    ),
    "TransformerASR, HyperMixing": (
        lazy(
            RECOGNISER,
            **ASR,
            encoder_module="transformer",
            attention_type="hypermixing",
            output_hidden_states=False,
        ),
        FRAMES,
        encoded,
    ),
    "ConformerEncoder": (
        lazy(
            "lobes.models.transformer.Conformer.ConformerEncoder",
            1,
            12,
            16,
            2,
            kernel_size=5,
            attention_type="regularMHA",
        ),
        FRAMES,
        called,
    ),
    "BranchformerEncoder": (
        lazy(
            "lobes.models.transformer.Branchformer.BranchformerEncoder",
            1,
            12,
            2,
            5,
            attention_type="regularMHA",
            csgu_linear_units=16,
        ),
        FRAMES,
        called,
    ),
    "TransformerEncoder": (
        lazy("lobes.models.transformer.Transformer.TransformerEncoder", 1, 2, 16, d_model=12),
        FRAMES,
        called,
    ),
    "TransformerEncoder, causal": (
        lazy(
            "lobes.models.transformer.Transformer.TransformerEncoder",
            1,
            2,
            16,
            d_model=12,
            causal=True,
            ffn_type="1dcnn",
        ),
        FRAMES,
        called,
    ),
    "CNNTransformerSE": (
        lazy(
            "lobes.models.transformer.TransformerSE.CNNTransformerSE",
            12,
            12,
            nhead=2,
            num_layers=1,
            d_ffn=16,
        ),
        FRAMES,
        called,
    ),
    "RelPosMHAXL": (lazy("nnet.attention.RelPosMHAXL", 12, 2), FRAMES, relative),
    "MultiheadAttention": (lazy("nnet.attention.MultiheadAttention", 2, 12), FRAMES, attended),
    "RoPEMHA": (lazy("nnet.attention.RoPEMHA", 12, 2), FRAMES, attended),
    "HyperMixing": (lazy("nnet.hypermixing.HyperMixing", 12, 16, 2), FRAMES, attended),
    "LSTM": (lazy("nnet.RNN.LSTM", 6, (2, 24, 12), bidirectional=True), FRAMES, called),
    "GRU": (lazy("nnet.RNN.GRU", 6, (2, 24, 12)), FRAMES, called),
    "RNN": (lazy("nnet.RNN.RNN", 6, (2, 24, 12)), FRAMES, called),
    "LiGRU": (lazy("nnet.RNN.LiGRU", 6, (2, 24, 12)), FRAMES, called),
    "SLiGRU": (lazy("nnet.RNN.SLiGRU", 6, (2, 24, 12)), FRAMES, called),
    "QuasiRNN": (lazy("nnet.RNN.QuasiRNN", 6, (2, 24, 12)), FRAMES, called),
    "SincConv": (lazy("nnet.CNN.SincConv", 4, 11, (2, 400)), (2, 400), called),
    "GaborConv1d": (lazy("nnet.CNN.GaborConv1d", 4, 21, 2, in_channels=1), (2, 400), called),
    "PCEN": (lazy("nnet.normalization.PCEN", 12), FRAMES, lambda m, x: m(x.abs())),
    "StatisticsPooling": (lazy("nnet.pooling.StatisticsPooling"), FRAMES, called),
    "AttentionPooling": (lazy("nnet.pooling.AttentionPooling", 12), FRAMES, called),
}
