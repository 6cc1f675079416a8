"""Files of maps: what is written is there, with axes, units and tables."""

import json

import h5py
import numpy as np
import pandas as pd

from speechlrp.artifacts.hdf5 import read_table
from speechlrp.artifacts.maps import EXAMPLES, Array, write_maps


def test_arrays_tables_and_attributes_come_back(tmp_path):
    values = np.arange(24.0).reshape(2, 3, 4)
    tables = {
        "table": pd.DataFrame({"id": ["x", "y"]}),
        "letters": pd.DataFrame({"letter": ["a"], "time_s": [0.5]}),
    }
    arrays = {
        "relevance": Array(values, ("frame", "frequency", "offset"), "logit"),
        "offset_ms": Array(np.arange(4.0), ("offset",), "ms"),
        "none": Array(np.zeros((0, 3, 4)), ("no_frame", "frequency", "offset")),
    }
    path = tmp_path / "relevance.h5"
    write_maps(path, EXAMPLES, arrays, tables=tables, attributes={"seed": 1, "list": ["a"]})
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["relevance"][:], values)
        assert file["relevance"].chunks == (1, 3, 4)
        assert file["relevance"].attrs["units"] == "logit"
        assert [d.label for d in file["relevance"].dims] == ["frame", "frequency", "offset"]
        assert file["none"].shape == (0, 3, 4)
        assert (file.attrs["kind"], json.loads(file.attrs["list"])) == ("letter_relevance", ["a"])
        for name, table in tables.items():
            pd.testing.assert_frame_equal(read_table(file, name), table, check_dtype=False)
