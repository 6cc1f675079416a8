"""Small, seeded networks of transformers, saved as their users would save them."""

from pathlib import Path
from typing import Any

import torch

from speechlrp.audio.backend import load_torchaudio

KINDS = ("ast", "wav2vec2", "hubert", "wavlm", "whisper")
LABELS = ("male", "female")
FRAMES = 40

WAVES = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "conv_dim": (8, 8), "conv_stride": (5, 2), "conv_kernel": (10, 3), "num_feat_extract_layers": 2,
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2, "classifier_proj_size": 8,
    "vocab_size": 12, "apply_spec_augment": False,
}  # fmt: skip
AST = {
    "hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24,
    "max_length": FRAMES + 8, "num_mel_bins": 32,
}  # fmt: skip
WHISPER = {
    "d_model": 16, "encoder_layers": 2, "encoder_attention_heads": 2, "encoder_ffn_dim": 24,
    "decoder_layers": 1, "decoder_attention_heads": 2, "decoder_ffn_dim": 24, "num_mel_bins": 20,
    "max_source_positions": 50, "vocab_size": 30, "classifier_proj_size": 8, "pad_token_id": 0,
    "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1,
}  # fmt: skip


def save(kind: str, folder: Path, labels: tuple[str, ...] = LABELS, seed: int = 0) -> Any:
    """Save a network and its feature extractor; returns both."""
    load_torchaudio()
    import transformers as library

    names = dict(enumerate(labels))
    named = {"id2label": names, "label2id": {name: number for number, name in names.items()}}
    torch.manual_seed(seed)
    if kind == "ast":
        model = library.ASTForAudioClassification(library.ASTConfig(**AST, **named))
        extractor = library.ASTFeatureExtractor(num_mel_bins=32, max_length=FRAMES + 8)
    elif kind == "whisper":
        model = library.WhisperForAudioClassification(library.WhisperConfig(**WHISPER, **named))
        extractor = library.WhisperFeatureExtractor(feature_size=20, chunk_length=1)
    else:
        family = {"wav2vec2": "Wav2Vec2", "hubert": "Hubert", "wavlm": "WavLM"}[kind]
        config = getattr(library, f"{family}Config")(**WAVES, **named)
        model = getattr(library, f"{family}ForSequenceClassification")(config)
        extractor = library.Wav2Vec2FeatureExtractor(do_normalize=True)
    model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return model.eval(), extractor
