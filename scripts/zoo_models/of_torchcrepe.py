"""CREPE in both sizes."""

from __future__ import annotations

import torch

from zoo_models import Models


def models() -> Models:
    """With random weights."""
    import torchcrepe

    for size in ("tiny", "full"):
        yield f"Crepe, {size}", lambda size=size: (torchcrepe.Crepe(size), torch.randn(2, 1024))
