"""What Quantus measures of a run's explanations, asked in its own form."""

import h5py
import numpy as np
import pytest

import speechlrp

quantus = pytest.importorskip("quantus", exc_type=ImportError)
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def asked(finished):
    """A run, and a metric -> what it says of three of its recordings."""
    run = speechlrp.load(finished.run)
    with h5py.File(finished.features / "features.h5") as file:
        inputs = np.float32(file["features"][:3] * run._network.scale)

    def measured(metric, **more):
        batch = {"x_batch": inputs, "y_batch": np.array([0, 1, 0])}
        return metric(model=run.model, explain_func=run.explain_func, **batch, **more)

    return run, inputs, measured


def test_faithfulness_is_a_correlation(asked):
    metric = quantus.FaithfulnessCorrelation(
        nr_runs=4, subset_size=64, perturb_baseline="black", return_aggregate=False
    )
    values = np.array(asked[2](metric), dtype=float)
    assert values.shape == (3,)
    assert (np.abs(values) <= 1).all()


def test_another_class_is_explained_otherwise(asked):
    other = np.array(asked[2](quantus.RandomLogit(num_classes=2, seed=1)))
    assert (other < 0.999).all()


def test_sparseness_is_the_ginis_of_the_relevance(asked):
    run, inputs, measured = asked
    for explainer in ("lrp", "lrp_mean", "smoothgrad"):
        chosen = {"explain_func_kwargs": {"explainer": explainer}}
        metric = quantus.Sparseness(normalise=False, abs=True)
        values = np.array(measured(metric, **chosen))
        maps = run.explain_func(run.model, inputs, np.array([0, 1, 0]), explainer=explainer)
        np.testing.assert_allclose(values, [gini(np.abs(one)) for one in maps], rtol=1e-2)


def gini(values):
    """Mean absolute difference of all pairs, against twice the mean."""
    ordered = np.sort(values.flatten().astype(float))
    ranks = np.arange(1, len(ordered) + 1)
    return 2 * (ranks * ordered).sum() / (len(ordered) * ordered.sum()) - 1 - 1 / len(ordered)
