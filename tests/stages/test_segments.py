"""explain and the page, where it is known when words and phonemes were said."""

import h5py
import numpy as np
import pandas as pd
import pytest
import torch

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.relevance import Maps
from speechlrp.training.checkpoint import load_model


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


def test_what_a_phoneme_holds_stands_beside_what_its_removal_costs(copied, tmp_path):
    explained = copied.run / "explain/train-lrp_mean-test"
    with h5py.File(copied.features / "features.h5") as file:
        every, features, mean = read_table(file), file["features"][:], file["train_mean"][:]
        time = file["time"][:]
    table = every[every.subset == "test"]
    third = table.duration_s / 3
    spoken = [
        pd.DataFrame({"id": table.source, "phoneme": k, "start_s": k * third, "end_s": end})
        for k, end in enumerate((third, 2 * third, 3 * third))
    ]
    pd.concat(spoken).to_csv(tmp_path / "phonemes.csv", index=False)
    more = ("--explainer", "lrp_mean", f"times.path={tmp_path}", "times.removal=true")
    done = copied.speechlrp("explain", *more)
    assert done.returncode == 0, done.stderr
    assert "relevance of a phoneme and what its removal costs: rank correlation" in done.stdout
    found = pd.read_csv(explained / "segments.csv").set_index(["recording", "label"])
    model, meta = load_model(copied.run / "train/last.safetensors")
    with h5py.File(explained / "relevance.h5") as file:
        maps = dict(zip(read_table(file).id, Maps(file)[:], strict=True))
    for row, one in table.iterrows():
        for k in range(3):
            begin = one.onset_s + k * one.duration_s / 3
            frames = (time >= begin) & (time < begin + one.duration_s / 3)
            changed = np.where(frames, mean, features[row])
            inputs = torch.from_numpy(np.stack([features[row], changed])) * meta["input_scale"]
            with torch.inference_mode():
                logit, without = model(inputs)[:, one.label].tolist()
            row_of = found.loc[(one.id, k)]
            assert row_of.cost == pytest.approx(logit - without, abs=1e-4)
            held = maps[one.id][0][:, frames].sum()
            assert row_of.relevance == pytest.approx(
                held, abs=1e-3 * float(np.abs(maps[one.id]).sum())
            )
