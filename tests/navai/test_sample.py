"""The draw of frames: by seed, whatever the order, spread over utterances and speakers."""

import numpy as np
import pandas as pd

from speechlrp.navai.frames import draw

FRAMES = pd.DataFrame(
    [(c, f"s{u % 3}", f"u{u}", start) for u in range(12) for c in (0, 1) for start in range(9)],
    columns=["class", "speaker", "id", "start"],
)


def test_the_order_of_frames_does_not_matter():
    mixed = FRAMES.sample(frac=1, random_state=0)
    pd.testing.assert_frame_equal(draw(mixed, 5, 1), draw(FRAMES, 5, 1))
    assert not draw(FRAMES, 5, 1).equals(draw(FRAMES, 5, 2))


def test_the_draw_is_the_same_on_every_machine():
    few = draw(FRAMES, 2, 0)
    assert list(zip(few["class"], few.id, few.start, strict=True)) == [
        (0, "u5", 4),
        (0, "u4", 5),
        (1, "u2", 3),
        (1, "u7", 7),
    ]


def test_classes_utterances_and_speakers_are_balanced():
    drawn = draw(FRAMES, 6, 1)
    for _, rows in drawn.groupby("class"):
        assert len(rows) == rows.id.nunique() == 6
        assert sorted(rows.speaker[:3]) == sorted(rows.speaker[3:]) == ["s0", "s1", "s2"]
    assert len(drawn.merge(FRAMES)) == len(drawn)


def test_few_frames_are_all_drawn_and_none_is_none():
    few = pd.DataFrame({"class": 3, "speaker": "s", "id": ["u", "v"], "start": [4, 6]})
    assert sorted(draw(few, 5, 1).id) == ["u", "v"]
    assert draw(FRAMES.iloc[:0], 5, 1).empty
    assert draw(FRAMES, 0, 1).empty


def test_frames_late_in_time_are_drawn_as_often():
    starts = np.concatenate([draw(FRAMES, 5, seed).start for seed in range(60)])
    counts = np.bincount(starts, minlength=9)
    assert counts.min() > 0.7 * counts.mean()
