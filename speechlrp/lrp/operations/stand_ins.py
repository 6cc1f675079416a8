"""The operations that may take a rule, and the module class that stands for each."""

from __future__ import annotations

from torch import nn

WEIGHTED = {
    "linear": nn.Linear,
    "conv1d": nn.Conv1d,
    "conv2d": nn.Conv2d,
    "conv3d": nn.Conv3d,
    "conv_transpose1d": nn.ConvTranspose1d,
    "conv_transpose2d": nn.ConvTranspose2d,
    "conv_transpose3d": nn.ConvTranspose3d,
}
PRODUCTS = {
    "matmul": nn.Linear,
    "einsum": nn.Linear,
}
AVERAGES = {
    "avg_pool1d": nn.AvgPool1d,
    "avg_pool2d": nn.AvgPool2d,
    "avg_pool3d": nn.AvgPool3d,
    "adaptive_avg_pool1d": nn.AdaptiveAvgPool1d,
    "adaptive_avg_pool2d": nn.AdaptiveAvgPool2d,
    "adaptive_avg_pool3d": nn.AdaptiveAvgPool3d,
}
NORMS = {
    "batch_norm": nn.modules.batchnorm._BatchNorm,
    "instance_norm": nn.modules.instancenorm._InstanceNorm,
    "group_norm": nn.GroupNorm,
    "layer_norm": nn.LayerNorm,
    "rms_norm": nn.RMSNorm,
    "normalize": nn.Module,
}
MODULE_OF: dict[str, type[nn.Module]] = WEIGHTED | PRODUCTS | AVERAGES | NORMS
TAKES_A_RULE = frozenset(WEIGHTED | PRODUCTS)
