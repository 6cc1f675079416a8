"""Every audio classifier, CTC model, x-vector and frame classifier of transformers."""

from __future__ import annotations

import inspect

import torch

from zoo_models import Made, Models, Picked

TINY = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": (8, 8),
    "conv_stride": (5, 2),
    "conv_kernel": (10, 3),
    "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
    "classifier_proj_size": 8,
    "tdnn_dim": (8, 8, 8),
    "tdnn_kernel": (3, 3, 1),
    "tdnn_dilation": (1, 2, 1),
    "xvector_output_dim": 8,
    "vocab_size": 12,
    "num_labels": 3,
    "pad_token_id": 0,
    "apply_spec_augment": False,
}
"""Settings that wav2vec 2.0 and its relatives have in common."""

NESTED = {
    "model_type": None,
    "vocab_size": 12,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "intermediate_size": 24,
    "subsampling_conv_channels": 8,
    "conv_kernel_size": 5,
    "conv_dim": [8, 8],
    "conv_stride": [5, 2],
    "conv_kernel": [10, 3],
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 2,
}
"""The same of the encoder inside another configuration."""

OF_A_KIND = {
    "audio-spectrogram-transformer": {"max_length": 48, "num_mel_bins": 32},
    "whisper": {
        "d_model": 16,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 24,
        "decoder_layers": 1,
        "decoder_attention_heads": 2,
        "decoder_ffn_dim": 24,
        "max_source_positions": 30,
        "num_mel_bins": 8,
        "classifier_proj_size": 8,
    },
    "sew": {"conv_dim": (8, 16), "squeeze_factor": 2},
    "sew-d": {"conv_dim": (8, 16), "squeeze_factor": 2},
    "wav2vec2-bert": {"feature_projection_input_dim": 20, "left_max_position_embeddings": 8},
    "granite_speech5_ctc": {
        "encoder_config": NESTED | {"head_dim": 8, "context_size": 8, "num_mel_bins": 80},
    },
    "lasr_ctc": {"encoder_config": NESTED | {"num_mel_bins": 20}},
    "parakeet_ctc": {"encoder_config": NESTED | {"num_mel_bins": 16}},
    "omniasr_ctc": {"audio_config": NESTED},
    "nemotron3_diarization": {
        "audio_config": NESTED | {"num_mel_bins": 16},
        "head_config": {"audio_hidden_size": 16},
    },
    "data2vec-audio": {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 3},
}
INPUTS = {
    "audio-spectrogram-transformer": ("input_values", (2, 48, 32)),
    "whisper": ("input_features", (2, 8, 60)),
    "wav2vec2-bert": ("input_features", (2, 24, 20)),
    "granite_speech5_ctc": ("input_features", (2, 48, 320)),
    "lasr_ctc": ("input_features", (2, 48, 20)),
    "parakeet_ctc": ("input_features", (2, 48, 16)),
    "nemotron3_diarization": ("input_features", (2, 48, 16)),
    "omniasr_ctc": ("input_values", (2, 1, 600)),
}
"""The name and the shape of what is explained; else a waveform."""


def models() -> Models:
    """Every audio classifier, CTC model, x-vector and frame classifier."""
    from transformers.models.auto import modeling_auto as auto

    for table in ("AUDIO_CLASSIFICATION", "CTC", "AUDIO_XVECTOR", "AUDIO_FRAME_CLASSIFICATION"):
        for kind, name in getattr(auto, f"MODEL_FOR_{table}_MAPPING_NAMES").items():
            for one in [name] if isinstance(name, str) else name:
                yield one, lambda kind=kind, one=one: _of_transformers(kind, one)


def _of_transformers(kind: str, name: str) -> Made:
    import transformers

    cls = getattr(transformers, name)
    known = inspect.signature(cls.config_class.__init__).parameters
    settings = {**TINY, **OF_A_KIND.get(kind, {})}
    for inner in ("encoder_config", "audio_config", "head_config"):
        if inner in settings:
            made = getattr(cls.config_class(), inner)
            own = {key: one for key, one in settings[inner].items() if hasattr(made, key)}
            settings[inner] = {**own, "model_type": made.model_type}
    config = cls.config_class(**{key: value for key, value in settings.items() if key in known})
    argument, shape = INPUTS.get(kind, ("input_values", (2, 600)))
    model = cls(config)
    return Picked(model, lambda m, x: m(**{argument: x}).logits), torch.randn(shape)
