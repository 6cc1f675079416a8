"""explain and the page, where it is known when words and phonemes were said."""

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps


def test_every_phoneme_and_word_has_its_share_of_the_relevance(copied, tmp_path):
    with h5py.File(copied.run / "explain/train-lrp-test/relevance.h5") as file:
        table, relevance, time = read_table(file), Maps(file)[:], file["time"][:]
    assert not (copied.run / "explain/train-lrp-test/segments.csv").exists()
    half = table.duration_s / 2
    spoken = [
        pd.DataFrame({"id": table.source, "phoneme": name, "start_s": begin, "end_s": end})
        for name, begin, end in (("a", 0 * half, half), ("b", half, 2 * half))
    ]
    (tmp_path / "times").mkdir()
    pd.concat(spoken).to_csv(tmp_path / "times/phonemes.csv", index=False)
    lines = [f"{name} 1 0.0 0.1 word" for name in table.source]
    (tmp_path / "times/words.ctm").write_text("\n".join(lines))
    done = copied.speechlrp("explain", f"times.path={tmp_path / 'times'}")
    assert done.returncode == 0, done.stderr
    found = pd.read_csv(copied.run / "explain/train-lrp-test/segments.csv")
    assert list(found.tier.value_counts()[["phoneme", "word"]]) == [2 * len(table), len(table)]
    phonemes = found[found.tier == "phoneme"]
    np.testing.assert_allclose(phonemes.groupby("recording").relevance_share.sum(), 1)
    np.testing.assert_allclose(phonemes.time_share, 0.5, atol=1e-9)
    one, profile = table.iloc[0], np.abs(relevance[0, 0]).sum(0)
    inside = (time - one.onset_s) / (one.duration_s / 2)
    rough = profile[(inside > 0) & (inside < 1)].sum() / profile[(inside > 0) & (inside < 2)].sum()
    own = phonemes[phonemes.recording == one.id].set_index("label")
    edge = 3 * profile.max() / profile.sum()
    assert abs(own.relevance_share["a"] - rough) < edge
    assert copied.speechlrp("report", f"times.path={tmp_path / 'times'}").returncode == 0
    page = (copied.run / "report/index.html").read_text()
    assert "Relevance of words and phonemes" in page
    assert '"word"' in page
