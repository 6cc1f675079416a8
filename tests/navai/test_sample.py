"""The draw of frames: by seed, whatever the order, spread over utterances and speakers."""

import numpy as np

from speechlrp.navai.sample import Sample

FRAMES = [(c, f"s{u % 3}", f"u{u}", start) for u in range(12) for c in (0, 1) for start in range(9)]


def _drawn(frames, each=5, seed=1, batch=7):
    sample = Sample(each, seed)
    for first in range(0, len(frames), batch):
        sample.add(*zip(*frames[first : first + batch], strict=True))
    return sample


def test_neither_order_nor_batches_matter():
    mixed = [FRAMES[i] for i in np.random.default_rng(0).permutation(len(FRAMES))]
    assert _drawn(FRAMES).drawn() == _drawn(mixed, batch=50).drawn()
    assert _drawn(FRAMES).drawn() != _drawn(FRAMES, seed=2).drawn()


def test_classes_utterances_and_speakers_are_balanced():
    found = _drawn(FRAMES, each=6).drawn()
    for label in (0, 1):
        own = [one for one in found if one.label == label]
        assert len(own) == 6
        assert len({one.id for one in own}) == 6
        speakers = [int(one.id[1:]) % 3 for one in own]
        assert sorted(speakers[:3]) == sorted(speakers[3:]) == [0, 1, 2]
    assert all((label, f"s{int(name[1:]) % 3}", name, start) in FRAMES
               for label, name, start in found)  # fmt: skip


def test_few_frames_are_all_drawn_and_none_is_none():
    few = [(3, "s", "u", 4), (3, "s", "v", 6)]
    assert sorted(_drawn(few).drawn()) == [(3, "u", 4), (3, "v", 6)]
    assert _drawn([]).drawn() == []
    assert _drawn(FRAMES, each=0).drawn() == []


def test_frames_late_in_time_are_drawn_as_often():
    starts = [one.start for seed in range(60) for one in _drawn(FRAMES, seed=seed).drawn()]
    counts = np.bincount(starts, minlength=9)
    assert counts.min() > 0.7 * counts.mean()


def test_parts_of_the_work_draw_together_what_one_draws():
    one = _drawn(FRAMES[:100])
    one.absorb(_drawn(FRAMES[100:]).state())
    assert one.drawn() == _drawn(FRAMES).drawn()
    again = Sample(5, 1)
    again.restore(one.state())
    assert again.drawn() == one.drawn()
    again.restore(Sample(5, 1).state())
    assert again.drawn() == []
