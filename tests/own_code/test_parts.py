"""Parts of a user's own classes that nothing would read are taken for misspelt."""

import pytest

from speechlrp.flipping import STRATEGIES
from speechlrp.training import LOGGERS

OWN = """
from speechlrp.flipping.strategies import Strategy
from speechlrp.training.callbacks import Callback

class Reversed(Strategy):
    reversed = "lrp_rev"
    def priority(self, relevance):
        return relevance

class Epoch(Callback):
    def on_train_epoch_end(self, row): ...

class Closing(Callback):
    def on_end(self): ...
    def on_epochs(self, row): ...

class Idle(Callback):
    def epoch(self, row): ...
"""


@pytest.fixture
def own(written):
    written("own_parts", OWN)


@pytest.mark.parametrize(
    ("table", "name", "right"),
    [
        (
            STRATEGIES,
            "Reversed",
            "part of strategy .*:Reversed 'reversed'.* Did you mean 'reverse'",
        ),
        (
            LOGGERS,
            "Epoch",
            "part of trainer.logger own_parts:Epoch 'on_train_epoch_end'; known: on",
        ),
        (LOGGERS, "Closing", "'on_epochs'; known: on_end, .*Did you mean 'on_epoch'"),
        (
            LOGGERS,
            "Idle",
            "own_parts:Idle has none of on_end, on_epoch, on_start, on_step: nothing",
        ),
    ],
)
def test_a_misspelt_part_that_nothing_would_read_is_named(own, refused, table, name, right):
    refused(lambda: table[f"own_parts:{name}"], right)
