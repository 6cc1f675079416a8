"""When callbacks are called, and by whom."""

import pytest

from speechlrp.training.callbacks import Callback
from speechlrp.training.ranks import Ranks


class Noting(Callback):
    """Writes down every call."""

    def __init__(self, stop_at: int = 0) -> None:
        self.calls, self.stop_at = [], stop_at

    def on_start(self, epoch, epochs):
        self.calls.append(("start", epoch, epochs))

    def on_step(self, epoch, step, steps):
        self.calls.append(("step", epoch, step, steps))

    def on_epoch(self, row):
        self.calls.append(("epoch", row["epoch"], set(row)))
        if row["epoch"] == self.stop_at:
            raise KeyboardInterrupt

    def on_end(self):
        self.calls.append(("end",))


def moments(epochs, row):
    for epoch in epochs:
        yield from (("step", epoch, step, 6) for step in range(1, 7))
        yield ("epoch", epoch, row)


ROW = {
    *("epoch", "train_loss", "train_accuracy", "validate_loss", "validate_accuracy"),
    *("lr", "seconds", "model_seconds"),
}


def test_every_moment_comes_in_its_order_also_after_an_interruption(toy, features, tmp_path):
    one, other = Noting(stop_at=2), Noting(stop_at=2)
    with pytest.raises(KeyboardInterrupt):
        toy.train(tmp_path / "run", features, callbacks=[one, other])
    assert one.calls == [("start", 0, 6), *moments([1, 2], ROW), ("end",)]
    assert other.calls == [*one.calls[:-2], ("end",)]  # the first stopped it
    again = Noting()
    toy.train(tmp_path / "run", features, callbacks=[again])
    assert again.calls == [("start", 2, 6), *moments([3, 4, 5, 6], ROW), ("end",)]


def test_a_callback_that_cannot_start_stops_the_others(toy, features, tmp_path):
    class Broken(Noting):
        def on_start(self, epoch, epochs):
            raise RuntimeError("no room")

    first, broken = Noting(), Broken()
    with pytest.raises(RuntimeError, match="no room"):
        toy.train(tmp_path / "run", features, callbacks=[first, broken])
    assert first.calls == [("start", 0, 6), ("end",)]
    assert broken.calls == []


def test_only_the_leader_calls(toy, features):
    class Follower(toy.epochs.Run):
        train_epoch = validate_epoch = rank = None

    for rank, count in ((0, 1), (1, 0)):
        ranks = Ranks(rank, 2)
        ranks.__dict__["spread"] = lambda model: model  # nobody to exchange gradients with
        follower = Follower(
            toy.toy_model(), *toy.batches(features), toy.SETTINGS, None, toy.torch.device("cpu"),
            meta=toy.META, steps=1, callbacks=[Noting()], ranks=ranks,
        )  # fmt: skip
        assert len(follower.callbacks) == count
