"""What the commands import, for the process that is forked; see `forks`."""

import torch.distributed
import torch.utils.data  # noqa: F401
from plain_figures import plain_figures

import speechlrp.cli.bridge
import speechlrp.cli.main  # noqa: F401
from speechlrp.audio.backend import load_torchaudio
from speechlrp.stages import CLASSES, LETTERS

load_torchaudio()
STAGES = [stages[verb] for stages in (CLASSES, LETTERS) for verb in stages]

FIGURES = plain_figures()
FIGURES.__enter__()
