"""Outputs that are not finite are an error of one line, whoever decides by them."""

import math

import pytest
import torch

from speechlrp.errors import SpeechLRPError
from speechlrp.models.outputs import check_outputs


def test_finite_outputs_pass_as_they_are():
    outputs = torch.randn(3, 2, 4, generator=torch.Generator().manual_seed(0))
    assert check_outputs(outputs) is outputs


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("first", "words"), [(1.0, "trainer.lr"), (math.inf, "preprocess --force")]
)
def test_the_error_counts_examples_and_says_where_to_look(value, first, words):
    outputs = torch.zeros(4, 3, 5)
    outputs[1, :, 2] = outputs[3, 0, 0] = value
    with pytest.raises(SpeechLRPError, match=f"{value}.* for 2 of 4 examples.*{words}") as caught:
        check_outputs(outputs, torch.tensor([first, 1.0]))
    assert "\n" not in str(caught.value)
