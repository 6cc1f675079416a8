"""Wav2Letter: letters from mel spectrograms, by convolutions over time alone.

Shapes: ``B`` examples, ``F`` mel bands, ``T`` frames, ``V`` symbols, ``S`` steps of the
output; input ``[B, F, T]`` or ``[B, 1, F, T]``, output ``[B, V, S]``.
"""

from collections.abc import Sequence
from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from speechlrp.errors import SpeechLRPError, unknown

PADDINGS = ("same", "none")


class Padded(nn.Sequential):
    """A convolution and what follows it, on an input with zeros at both ends or without.

    The zeros make the output ``ceil(T / stride)`` steps long; of an odd number the extra
    one stands at the end. They are no weights: switching them leaves the state as it is.
    """

    def __init__(self, conv: nn.Conv1d, *rest: nn.Module) -> None:
        super().__init__(conv, *rest)
        self.padded = True

    @property
    def conv(self) -> nn.Conv1d:
        """The convolution."""
        return cast(nn.Conv1d, self[0])

    def forward(self, x: Tensor) -> Tensor:
        """``[B, C, T]`` -> ``[B, C', S]``."""
        total = self.conv.kernel_size[0] - 1
        if self.padded and total:
            x = functional.pad(x, (total // 2, total - total // 2))
        return super().forward(x)


class Wav2Letter(nn.Module):
    """Krug and Stober's: each hidden convolution is followed by batch norm and ReLU.

    Kernel 48 with stride 2, ``depth`` of kernel 7, one of kernel 32, two of kernel 1; the
    last gives the symbols' scores (logits) as it is. With the defaults one step of the
    output sees 206 frames. Utterances are trained on with ``padding="same"``; windows of
    ``receptive_field`` frames are explained with ``"none"`` and have one step of output.
    `padding` may be set at any time, and the weights are the same for both.

    Args:
        classes: number of symbols, blank included, ``V``.
        bands: mel bands, ``F``.
        width: channels of the first ``1 + depth`` convolutions.
        wide: channels of the two hidden convolutions before the last.
        depth: number of equal inner convolutions.
        kernels: kernel sizes of the first, the inner and the first wide convolution.
        stride: frames of the input to a step of the output.
        padding: ``"same"`` or ``"none"``.

    Raises:
        SpeechLRPError: not three kernels; no such padding; in the forward, inputs of
            another shape or with too few frames for one step.

    Source: Collobert et al. 2016; Krug and Stober 2018 (eight inner convolutions follow
    from their receptive field).
    """

    def __init__(
        self,
        classes: int,
        bands: int = 128,
        width: int = 256,
        wide: int = 2048,
        depth: int = 8,
        kernels: Sequence[int] = (48, 7, 32),
        stride: int = 2,
        padding: str = "same",
    ) -> None:
        super().__init__()
        if len(kernels) != 3:
            raise SpeechLRPError(
                f"Wav2Letter has 3 kernel sizes; model.kernels has {len(kernels)} values: "
                f"{list(kernels)}"
            )
        first, inner, last = kernels
        layers = [_hidden(bands, width, first, stride)]
        layers += [_hidden(width, width, inner) for _ in range(depth)]
        layers += [_hidden(width, wide, last), _hidden(wide, wide, 1)]
        layers.append(Padded(nn.Conv1d(wide, classes, 1)))
        self.layers = nn.Sequential(*layers)
        self.padding = padding

    @property
    def padding(self) -> str:
        """``"same"``: zeros at both ends before each convolution; ``"none"``."""
        return "same" if self._padded()[0].padded else "none"

    @padding.setter
    def padding(self, padding: str) -> None:
        if padding not in PADDINGS:
            raise unknown("model.padding", padding, PADDINGS)
        for layer in self._padded():
            layer.padded = padding == "same"

    @property
    def stride(self) -> int:
        """Frames of the input between two steps of the output."""
        return self._reach()[1]

    @property
    def receptive_field(self) -> int:
        """Frames of the input that one step of the output sees, padding included."""
        return self._reach()[0]

    def _reach(self) -> tuple[int, int]:
        field, stride = 1, 1
        for layer in self._padded():
            field += (layer.conv.kernel_size[0] - 1) * stride
            stride *= layer.conv.stride[0]
        return field, stride

    def _padded(self) -> list[Padded]:
        return cast(list[Padded], list(self.layers))

    def forward(self, x: Tensor) -> Tensor:
        """Logits ``[B, V, S]`` of log-mel spectrograms ``[B, F, T]`` or ``[B, 1, F, T]``."""
        if x.dim() == 4 and x.shape[1] == 1:
            x = x.squeeze(1)
        bands = self._padded()[0].conv.in_channels
        least = 1 if self.padding == "same" else self.receptive_field
        if x.dim() != 3 or x.shape[1] != bands or x.shape[2] < least:
            raise SpeechLRPError(
                f"Wav2Letter takes inputs of shape [B, {bands}, T] with T at least {least} "
                f"(padding {self.padding!r}); found {list(x.shape)}"
            )
        return self.layers(x)


def _hidden(before: int, after: int, kernel: int, stride: int = 1) -> Padded:
    conv = nn.Conv1d(before, after, kernel, stride)
    return Padded(conv, nn.BatchNorm1d(after), nn.ReLU(inplace=True))
