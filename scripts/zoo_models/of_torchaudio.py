"""Every class of ``torchaudio.models``."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from zoo_models import Entry, Models, called, made

WAVE = (2, 600)
WAVLM: dict[str, Any] = {
    "extractor_mode": "group_norm",
    "extractor_conv_layer_config": [(8, 10, 5), (8, 3, 2)],
    "extractor_conv_bias": False,
    "encoder_embed_dim": 16,
    "encoder_projection_dropout": 0.0,
    "encoder_pos_conv_kernel": 8,
    "encoder_pos_conv_groups": 2,
    "encoder_num_layers": 2,
    "encoder_num_heads": 2,
    "encoder_attention_dropout": 0.0,
    "encoder_ff_interm_features": 24,
    "encoder_ff_interm_dropout": 0.0,
    "encoder_dropout": 0.0,
    "encoder_layer_norm_first": False,
    "encoder_layer_drop": 0.0,
    "aux_num_out": 5,
}
LAYER_NORM = {"extractor_mode": "layer_norm", "encoder_layer_norm_first": True}
RNNT: dict[str, Any] = {
    "input_dim": 8,
    "encoding_dim": 12,
    "num_symbols": 6,
    "segment_length": 4,
    "right_context_length": 4,
    "time_reduction_input_dim": 4,
    "time_reduction_stride": 4,
    "transformer_num_heads": 2,
    "transformer_ffn_dim": 16,
    "transformer_num_layers": 2,
    "transformer_dropout": 0.0,
    "transformer_activation": "gelu",
    "transformer_left_context_length": 4,
    "transformer_max_memory_size": 0,
    "transformer_weight_init_scale_strategy": "depthwise",
    "transformer_tanh_on_mem": True,
    "symbol_embedding_dim": 8,
    "num_lstm_layers": 1,
    "lstm_layer_norm": True,
    "lstm_layer_norm_epsilon": 1e-3,
    "lstm_dropout": 0.0,
}
SQUIM: dict[str, Any] = {
    "feat_dim": 8,
    "win_len": 16,
    "d_model": 8,
    "nhead": 2,
    "hidden_dim": 8,
    "num_blocks": 1,
    "rnn_type": "LSTM",
    "chunk_size": 5,
}
WAVERNN: dict[str, Any] = {
    "upsample_scales": [2, 2],
    "n_classes": 6,
    "hop_length": 4,
    "n_res_block": 1,
    "n_rnn": 8,
    "n_fc": 8,
    "n_freq": 6,
    "n_hidden": 8,
    "n_output": 6,
}


def lazy(name: str, *args: Any, **options: Any) -> Callable[[], nn.Module]:
    """What makes a model of torchaudio, imported when it is made."""

    def make() -> nn.Module:
        from torchaudio import models

        return getattr(models, name)(*args, **options)

    return make


def with_lengths(*lengths: int) -> Callable[[nn.Module, Tensor], Any]:
    """Call a model with the lengths of its examples too."""
    return lambda model, x: model(x, torch.tensor(lengths))


def transduced(model: nn.Module, x: Tensor) -> Any:
    """With the symbols so far."""
    symbols = torch.tensor([[1, 2, 3], [2, 3, 4]])
    return model(x, torch.tensor([16, 16]), symbols, torch.tensor([3, 3]))


def judged(model: nn.Module, x: Tensor) -> Tensor:
    """All measures at once."""
    return torch.stack(model(x), 1)


def compared(model: nn.Module, x: Tensor) -> Tensor:
    """Beside a recording without faults."""
    return model(x, x.flip(0) * 0.5).unsqueeze(1)


def spoken(model: nn.Module, x: Tensor) -> Any:
    """Frames after a text."""
    text = torch.ones(2, 5, dtype=torch.long)
    return model(text, torch.tensor([5, 5]), x, torch.tensor([6, 6]))


def sampled(model: nn.Module, x: Tensor) -> Tensor:
    """A waveform and the frames it is for, which are explained."""
    return model(torch.linspace(-1, 1, 48).to(x).reshape(2, 1, 24), x)


ENTRIES: dict[str, Entry] = {
    "Wav2Letter": (lazy("Wav2Letter", 5, "mfcc", 12), (2, 12, 60), called),
    "Wav2Letter, waveform": (lazy("Wav2Letter", 5), (2, 1, 8000), called),
    "DeepSpeech": (lazy("DeepSpeech", 12, 16, 5), (2, 1, 20, 12), called),
    "ConvTasNet": (lazy("ConvTasNet", 2, 8, 16, 3, 8, 16, 2, 1), (2, 1, 400), called),
    "wav2vec2_model": (lazy("wav2vec2_model", **WAVLM), WAVE, called),
    "wav2vec2_model, layer norm": (
        lazy("wav2vec2_model", **WAVLM | LAYER_NORM),
        WAVE,
        called,
    ),
    "wav2vec2_model, lengths": (lazy("wav2vec2_model", **WAVLM), WAVE, with_lengths(600, 400)),
    "wavlm_model": (
        lazy("wavlm_model", **WAVLM, encoder_num_buckets=8, encoder_max_distance=16),
        WAVE,
        called,
    ),
    "HuBERTPretrainModel's encoder": (lazy("hubert_base", aux_num_out=4), (1, 2000), called),
    "Conformer": (lazy("Conformer", 12, 2, 24, 2, 5), (2, 24, 12), with_lengths(24, 22)),
    "Conformer, group norm": (
        lazy("Conformer", 12, 2, 24, 2, 5, use_group_norm=True),
        (2, 24, 12),
        with_lengths(24, 22),
    ),
    "Emformer": (
        lazy("Emformer", 12, 2, 24, 2, 4, right_context_length=1),
        (2, 17, 12),
        with_lengths(16, 16),
    ),
    "RNNT": (lazy("emformer_rnnt_model", **RNNT), (2, 20, 8), transduced),
    "SquimObjective": (lazy("squim_objective_model", **SQUIM), WAVE, judged),
    "SquimSubjective": (
        lazy("squim_subjective_model", "wav2vec2_base", 768, proj_dim=8, att_dim=4),
        (1, 1600),
        compared,
    ),
    "Tacotron2": (lazy("Tacotron2", n_mels=8), (2, 8, 6), spoken),
    "WaveRNN": (lazy("WaveRNN", **WAVERNN), (2, 1, 6, 10), sampled),
    "HDemucs": (lazy("HDemucs", ["a", "b"], channels=4), (1, 2, 6000), called),
}


def models() -> Models:
    """All of them."""
    return made(ENTRIES)
