"""Training a recogniser: the numbers, the masks, and going on after a kill."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from torch.nn import functional

from speechlrp.artifacts.utterances import write_utterances
from speechlrp.errors import SpeechLRPError
from speechlrp.models.wav2letter import Wav2Letter
from speechlrp.training.callbacks import Calling
from speechlrp.training.letter_training import fit_letters
from speechlrp.training.recipe import LetterSettings
from speechlrp.training.spec_augment import SpecAugment
from speechlrp.training.utterance_batches import LetterBatches

BANDS, SYMBOLS, BLANK = 6, 4, 3
META = {"model": "wav2letter", "kwargs": {}, "classes": ["a", "b", "c", "-"], "input_scale": 2.0}
CPU = torch.device("cpu")
SETTINGS = LetterSettings(
    epochs=4, optimizer="adam", lr=0.01, schedule="cosine", clip=1.0, seed=3,
    max_frames=120, max_utterances=3, spec_augment=SpecAugment(1, 3, 1, 5, 0.2, seed=3),
)  # fmt: skip


class Wrong:
    """Counted errors, as far as training looks at them."""

    def __init__(self, wrong: int, said: int) -> None:
        self.wrong, self.said = wrong, said

    @property
    def letter_error_rate(self) -> float:
        return self.wrong / self.said

    word_error_rate = letter_error_rate

    def __add__(self, other: "Wrong") -> "Wrong":
        return Wrong(self.wrong + other.wrong, self.said + other.said)

    def numbers(self) -> list[int]:
        return [self.wrong, self.said]

    @classmethod
    def of(cls, numbers) -> "Wrong":
        return cls(*numbers)


def judge(scores, steps, rows) -> Wrong:
    """Counts utterances by whether blank is the most frequent symbol."""
    best = [s[:, :n].argmax(0) for s, n in zip(scores, steps.tolist(), strict=True)]
    return Wrong(sum(int((b == BLANK).float().mean() > 0.5) for b in best), len(rows))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A file of ten utterances, and the transcript of each."""
    rng = np.random.default_rng(0)
    frames = rng.integers(12, 30, 10)
    table = pd.DataFrame({"id": [f"u{i}" for i in range(10)], "frames": frames})
    values = rng.normal(size=(frames.sum(), BANDS)).astype("f4")
    path = tmp_path_factory.mktemp("data") / "utterances.h5"
    write_utterances(path, [({"features": values}, table)], frequencies=np.arange(float(BANDS)))
    return path, frames, [rng.integers(0, 3, rng.integers(1, 4)).tolist() for _ in range(10)]


def batches(data, rows, **options) -> LetterBatches:
    path, frames, targets = data
    options = {"max_frames": 120, "max_utterances": 3, "input_scale": 2.0, **options}
    return LetterBatches(path, rows, [targets[r] for r in rows], frames[list(rows)], **options)


def network() -> Wav2Letter:
    torch.manual_seed(1)
    return Wav2Letter(SYMBOLS, BANDS, width=4, wide=5, depth=1, kernels=(3, 3, 3))


def run(folder, data, settings=SETTINGS, **options):
    model = network()
    train = options.pop("train", None) or batches(data, range(7), seed=settings.seed)
    validate = options.pop("validate", None) or batches(data, [7, 8, 9], shuffle=False, every=True)
    about = {"meta": META, "blank": BLANK, "judge": judge, "nothing": Wrong(0, 0)}
    about |= {"save_seconds": 0.0, **options}
    return model, fit_letters(model, train, validate, settings, folder, CPU, **about)


def test_one_epoch_as_written_by_hand(data, tmp_path):
    """Plain SGD on nats per symbol, each utterance's loss by torch on its own scores."""
    settings = replace(SETTINGS, epochs=1, optimizer="sgd", momentum=0.0, schedule="constant")
    settings = replace(settings, clip=0.0, spec_augment=None)
    train = batches(data, range(7), seed=3)
    hand, total = network().train(), 0.0
    for batch in train.epoch(0):
        scores = hand(batch.inputs)
        each = []
        for i, row in enumerate(batch.rows.tolist()):
            frames, symbols = int(batch.frames[i]), data[2][row]
            table = scores[i, :, : -(-frames // 2)].T.log_softmax(1)[:, None]
            size = torch.tensor([len(table)]), torch.tensor([len(symbols)])
            loss = functional.ctc_loss(
                table, torch.tensor([symbols]), *size, blank=BLANK, reduction="sum"
            )
            each.append(loss / len(symbols))
        gradients = torch.autograd.grad(sum(each) / len(each), list(hand.parameters()))
        total += sum(each).item()
        for p, g in zip(hand.parameters(), gradients, strict=True):
            p.data -= settings.lr * g
    model, metrics = run(tmp_path, data, settings, train=train)
    for ours, theirs in zip(model.parameters(), hand.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)
    assert metrics.train_loss[0] == pytest.approx(total / 7, rel=1e-5)


def test_masks_are_on_training_inputs_alone(data, tmp_path, monkeypatch):
    seen = []
    original = SpecAugment.__call__

    def spy(self, inputs, frames, rows, *, epoch):
        seen.append((epoch, rows.tolist()))
        return original(self, inputs, frames, rows, epoch=epoch)

    monkeypatch.setattr(SpecAugment, "__call__", spy)
    run(tmp_path, data)
    assert {epoch for epoch, _ in seen} == {0, 1, 2, 3}
    assert sorted(row for epoch, rows in seen if not epoch for row in rows) == list(range(7))


def test_stopped_and_called_again_it_ends_the_same(data, tmp_path):
    class Stop(Exception):
        pass

    def stop(epoch, step, steps):
        assert step <= steps
        if (epoch, step) == (3, 2):
            raise Stop

    run(tmp_path / "whole", data)
    with pytest.raises(Stop):
        run(tmp_path / "cut", data, callbacks=[Calling(step=stop)])
    run(tmp_path / "cut", data)
    for name in ("best.safetensors", "last.safetensors", "best.json", "last.json"):
        assert (tmp_path / "cut" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    one, two = (pd.read_csv(tmp_path / f / "metrics.csv") for f in ("whole", "cut"))
    times = ["seconds", "model_seconds"]
    pd.testing.assert_frame_equal(one.drop(columns=times), two.drop(columns=times))


def test_the_best_epoch_has_the_lowest_rate_then_the_lowest_loss(data, tmp_path):
    rates = iter([Wrong(3, 4), Wrong(1, 4), Wrong(1, 4), Wrong(2, 4)])
    _, metrics = run(tmp_path, data, judge=lambda *a: next(rates))
    best = json.loads((tmp_path / "best.json").read_text())
    losses = metrics.validate_loss.tolist()
    assert best["epoch"] == (2 if losses[1] <= losses[2] else 3)
    assert best["validate_letter_error_rate"] == 0.25


def test_bf16_changes_little(data, tmp_path):
    _, plain = run(tmp_path / "plain", data)
    _, half = run(tmp_path / "half", data, replace(SETTINGS, precision="bf16"))
    assert half.train_loss[0] == pytest.approx(plain.train_loss[0], rel=0.05)
    assert half.train_loss[0] != plain.train_loss[0]


def test_utterances_too_short_for_their_transcripts_are_counted_and_left_out(data, tmp_path):
    path, frames, targets = data
    changed = (path, frames, [[0, 0] * 20, *targets[1:]])
    _, metrics = run(tmp_path, changed)
    assert metrics.too_short.tolist() == [1] * 4
    assert np.isfinite(metrics.train_loss).all()


@pytest.mark.parametrize("which", ["training", "validation"])
def test_nothing_long_enough_is_an_error(data, tmp_path, which):
    path, frames, targets = data
    rows = range(7) if which == "training" else range(7, 10)
    wrong = [[0, 0] * 20 if i in rows else t for i, t in enumerate(targets)]
    with pytest.raises(SpeechLRPError, match=f"all {len(rows)} {which} utterances are shorter"):
        run(tmp_path, (path, frames, wrong))


def test_a_state_of_other_transcripts_is_refused(data, tmp_path):
    run(tmp_path, data)
    path, frames, targets = data
    with pytest.raises(SpeechLRPError, match="belongs to another training"):
        run(tmp_path, (path, frames, [[2], *targets[1:]]))
