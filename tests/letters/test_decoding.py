"""Greedy decoding against a loop over steps, beam search against all alignments."""

import builtins
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from speechlrp.errors import SpeechLRPError
from speechlrp.letters.decoding import beam, collapse, greedy
from speechlrp.letters.vocabulary import BLANK_INDEX, SIZE, SYMBOLS, decode, encode

PATHS = st.lists(st.sampled_from([0, 1, 26, 28, 29, BLANK_INDEX]), max_size=30)


def scores_of(path):
    return torch.nn.functional.one_hot(torch.tensor(path), SIZE).T[None].float()


def step_by_step(path):
    found, before = [], None
    for step, symbol in enumerate(path):
        if symbol != before and symbol != BLANK_INDEX:
            found.append([symbol, step, step])
        if symbol != BLANK_INDEX:
            found[-1][2] = step + 1
        before = symbol
    return found


@given(PATHS)
def test_collapsing_equals_a_loop(path):
    found = collapse(np.array(path, np.int64))
    expected = step_by_step(path)
    triples = zip(found.symbols.tolist(), found.steps.tolist(), found.ends.tolist(), strict=True)
    assert [list(triple) for triple in triples] == expected
    assert found.text == decode([symbol for symbol, _, _ in expected])


@given(st.text("abc '", max_size=20), st.lists(st.integers(1, 3), min_size=40, max_size=40))
def test_what_is_encoded_is_decoded_however_long_each_symbol_lasts(text, lasting):
    """No blank is needed between the symbols of an encoding."""
    symbols = encode(text)
    path = np.repeat(symbols, lasting[: len(symbols)]).astype(np.int64)
    assert collapse(path).symbols.tolist() == symbols


def test_a_batch_with_lengths():
    a, twice = 0, SYMBOLS.index("twice")
    path = [BLANK_INDEX, a, a, twice, BLANK_INDEX, 1]
    scores = torch.cat([scores_of(path)] * 3)
    texts = [found.text for found in greedy(scores, torch.tensor([6, 5, 0]))]
    assert texts == ["aab", "aa", ""]
    first = greedy(scores)[0]
    assert first.steps.tolist() == [1, 3, 5]
    assert first.ends.tolist() == [3, 4, 6]


@pytest.mark.parametrize("decoder", [greedy, beam])
@pytest.mark.parametrize(
    ("shape", "steps"),
    [((2, 30, 5), None), ((SIZE, 5), None), ((2, SIZE, 5), [5]), ((1, SIZE, 5), [6])],
)
def test_other_shapes_are_a_bug(decoder, shape, steps):
    with pytest.raises(ValueError, match="scores"):
        decoder(torch.zeros(shape), steps)


def most_probable(scores):
    """The text with the highest sum over all its alignments, over symbols that matter."""
    symbols, steps = np.flatnonzero(scores.softmax(0).amax(1) > 1e-9), scores.shape[1]
    chances, total = scores.softmax(0).double().numpy(), {}
    for path in itertools.product(symbols, repeat=steps):
        said = tuple(collapse(np.array(path)).symbols.tolist())
        chance = np.prod([chances[symbol, step] for step, symbol in enumerate(path)])
        total[said] = total.get(said, 0.0) + chance
    return max(total, key=total.get)


@pytest.mark.parametrize("seed", range(8))
def test_beam_search_finds_the_most_probable_text(seed):
    pytest.importorskip("flashlight.lib.text.decoder")
    scores = torch.full((SIZE, 5), -40.0)
    draw = torch.Generator().manual_seed(seed)
    scores[[0, 1, 28, BLANK_INDEX]] = torch.randn(4, 5, generator=draw)
    (found,) = beam(scores[None], width=500)
    assert tuple(found.symbols.tolist()) == most_probable(scores)


def test_beam_search_adds_up_where_greedy_does_not():
    pytest.importorskip("flashlight.lib.text.decoder")
    chances = torch.full((SIZE, 2), 1e-12)
    chances[BLANK_INDEX], chances[0] = 0.6, 0.4  # blank 0.36, a 0.64 in three alignments
    scores = chances.log()[None]
    assert greedy(scores)[0].text == ""
    assert beam(scores, width=10)[0].text == "a"


def test_beam_search_over_a_batch_with_lengths():
    pytest.importorskip("flashlight.lib.text.decoder")
    path = [BLANK_INDEX, 0, 0, 28, BLANK_INDEX, 1]
    scores = 30 * torch.cat([scores_of(path)] * 3).double().requires_grad_()
    found, expected = beam(scores, [6, 5, 0]), greedy(scores, [6, 5, 0])
    for one, other in zip(found, expected, strict=True):
        assert one.text == other.text
        np.testing.assert_array_equal(one.steps, other.steps)


def test_without_the_library_one_line_says_what_to_do(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("flashlight"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(SpeechLRPError, match=r"pip install 'speechlrp\[beam\]'"):
        beam(torch.zeros(1, SIZE, 2))


def test_a_beam_without_width_is_refused():
    with pytest.raises(SpeechLRPError, match="width is 0"):
        beam(torch.zeros(1, SIZE, 2), width=0)
