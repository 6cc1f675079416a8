"""Which bins a region covers, against a loop over all of them."""

import numpy as np
import pandas as pd
import pytest

from speechlrp.measures.shares import REGION, covered

FREQUENCY, TIME = np.arange(6) * 50.0, 0.1 * np.arange(10)
TABLE = pd.DataFrame({"start_s": [0.0, 2.0, 0.0], "onset_s": [0.0, 0.0, 0.25]})
NONE = float("nan")
REGIONS = [
    [(50, 150, NONE, NONE)],
    [(NONE, NONE, 0.2, 0.5)],
    [(NONE, 100, 2.15, NONE)],
    [(0, 50, NONE, 0.3), (200, NONE, 0.1, 0.2)],
    [(1000, 2000, NONE, NONE)],
]


@pytest.mark.parametrize("limits", REGIONS)
def test_a_bin_is_covered_where_its_middle_lies_in_a_region_of_the_file(limits):
    found = covered(pd.DataFrame(limits, columns=list(REGION)), TABLE, FREQUENCY, TIME)
    assert found.shape == (3, 6, 10)
    for n, (start, onset) in enumerate(TABLE.to_numpy()):
        for f, hz in enumerate(FREQUENCY):
            for t, s in enumerate(TIME):
                at = s + (start - onset)
                inside = any(
                    not (hz < low or hz >= high or at < begin or at >= end)  # NaN: no limit
                    for low, high, begin, end in limits
                )
                assert found[n, f, t] == inside
