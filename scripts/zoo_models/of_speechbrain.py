"""Classifiers, speaker models, recognisers and enhancers of speechbrain, and their parts."""

from __future__ import annotations

import torch

from zoo_models import Entry, Models, called, made
from zoo_models.speechbrain_parts import FRAMES, PARTS, lazy


def models() -> Models:
    """All of them."""
    return made(ENTRIES | PARTS)


ENTRIES: dict[str, Entry] = {
    "ECAPA_TDNN": (
        lazy(
            "lobes.models.ECAPA_TDNN.ECAPA_TDNN",
            12,
            channels=[8, 8, 8, 8, 24],
            attention_channels=4,
            se_channels=4,
            res2net_scale=2,
            lin_neurons=6,
        ),
        FRAMES,
        called,
    ),
    "ECAPA_TDNN, lengths": (
        lazy(
            "lobes.models.ECAPA_TDNN.ECAPA_TDNN",
            12,
            channels=[8, 8, 8, 8, 24],
            attention_channels=4,
            se_channels=4,
            res2net_scale=2,
            lin_neurons=6,
        ),
        FRAMES,
        lambda m, x: m(x, torch.tensor([1.0, 0.75])),
    ),
    "ECAPA_TDNN.Classifier": (
        lazy("lobes.models.ECAPA_TDNN.Classifier", 12, lin_neurons=8, out_neurons=5),
        (2, 1, 12),
        called,
    ),
    "Xvector": (
        lazy(
            "lobes.models.Xvector.Xvector",
            in_channels=12,
            tdnn_channels=[8, 8, 8, 8, 12],
            lin_neurons=6,
        ),
        FRAMES,
        called,
    ),
    "Xvector.Classifier": (
        lazy("lobes.models.Xvector.Classifier", (None, None, 12), lin_neurons=8, out_neurons=5),
        (2, 1, 12),
        called,
    ),
    "ResNet": (
        lazy(
            "lobes.models.ResNet.ResNet",
            16,
            channels=[4, 4, 8, 8],
            block_sizes=[1, 1, 1, 1],
            lin_neurons=6,
        ),
        (2, 24, 16),
        called,
    ),
    "CRDNN": (
        lazy(
            "lobes.models.CRDNN.CRDNN",
            input_shape=(None, None, 12),
            cnn_channels=[4, 4],
            rnn_neurons=6,
            rnn_layers=1,
            dnn_neurons=6,
        ),
        FRAMES,
        called,
    ),
    "Cnn14": (lazy("lobes.models.Cnn14.Cnn14", 64, 6), (1, 64, 64), called),
    "ContextNet": (
        lazy(
            "lobes.models.ContextNet.ContextNet",
            (2, 24, 12),
            out_channels=8,
            conv_channels=[8, 8],
            strides=[1, 2],
            num_blocks=2,
            num_layers=2,
            inner_dim=4,
        ),
        FRAMES,
        called,
    ),
    "ESPnetVGG": (
        lazy(
            "lobes.models.ESPnetVGG.ESPnetVGG",
            (2, 24, 12),
            cnn_channels=[4, 4],
            rnn_layers=1,
            rnn_neurons=6,
        ),
        FRAMES,
        called,
    ),
    "VanillaNN": (
        lazy("lobes.models.VanillaNN.VanillaNN", (2, 24, 12), dnn_neurons=6),
        FRAMES,
        called,
    ),
    "GatedNN": (lazy("lobes.models.GatedNN.GatedNN", (2, 24, 12), neurons=6), FRAMES, called),
    "HifiganGenerator": (
        lazy(
            "lobes.models.HifiGAN.HifiganGenerator", 12, 1, "1", [[1, 3, 5]], [3], [4, 4], 8, [2, 2]
        ),
        (2, 12, 10),
        called,
    ),
    "HifiganDiscriminator": (lazy("lobes.models.HifiGAN.DiscriminatorP", 2), (2, 1, 400), called),
    "MetricGAN.EnhancementGenerator": (
        lazy("lobes.models.MetricGAN.EnhancementGenerator", 257, 200, 1),
        (2, 8, 257),
        lambda m, x: m(x, torch.ones(2)),
    ),
    "MetricGAN.MetricDiscriminator": (
        lazy("lobes.models.MetricGAN.MetricDiscriminator", base_channels=4),
        (2, 2, 40, 40),
        called,
    ),
    "conv_tasnet.MaskNet": (
        lazy("lobes.models.conv_tasnet.MaskNet", 12, 8, 8, 3, 2, 1, 2),
        (2, 12, 12),
        called,
    ),
    "ConvolutionFrontEnd": (
        lazy(
            "lobes.models.convolution.ConvolutionFrontEnd",
            (2, 24, 12),
            2,
            1,
            [4, 4],
            [3, 3],
            [1, 2],
            [1, 1],
            [False, True],
        ),
        FRAMES,
        called,
    ),
    "ConvolutionalSpatialGatingUnit": (
        lazy("lobes.models.convolution.ConvolutionalSpatialGatingUnit", 12, 5),
        FRAMES,
        called,
    ),
    "SBTransformerBlock": (
        lazy("lobes.models.dual_path.SBTransformerBlock", 1, 12, 2, 16),
        FRAMES,
        called,
    ),
    "SBRNNBlock": (lazy("lobes.models.dual_path.SBRNNBlock", 12, 6, 1), FRAMES, called),
    "PytorchTransformerBlock": (
        lazy("lobes.models.dual_path.PytorchTransformerBlock", 12, 1, 2, 16),
        FRAMES,
        called,
    ),
    "SepformerWrapper": (
        lazy(
            "lobes.models.dual_path.SepformerWrapper",
            encoder_out_nchannels=8,
            masknet_chunksize=10,
            masknet_numlayers=1,
            intra_numlayers=1,
            inter_numlayers=1,
            intra_nhead=2,
            inter_nhead=2,
            intra_dffn=8,
            inter_dffn=8,
        ),
        (1, 200),
        called,
    ),
    "W2VLatentExtractor": (
        lazy("lobes.models.wav2vec.W2VLatentExtractor", [8, 8], [11, 3], [5, 2]),
        (2, 300),
        called,
    ),
}
