"""How many frames each average is of, and what became of them."""

from __future__ import annotations

import pandas as pd

from speechlrp.navai.average import Averages


def counted(averages: Averages) -> pd.DataFrame:
    """Count the frames of each class and alignment.

    Args:
        averages: sums over frames.

    Returns:
        A row each: frames, with a key step or without; runs of them that reach the key step;
        without_step (the map that is searched is the same everywhere: left out);
        at_edge (the key step is the window's first or last); cut (the key step is not the
        window's centre, so that a part is cut off, and nothing put in its place); kept (the
        share of all bins of the class's frames that went into the mean); reach_start and
        reach_end, frames that reach the first and the last offset.
    """
    arrays, centre = averages.arrays, averages.width // 2
    frames = arrays["frames"][:, None].expand_as(averages.edges)
    tables = {
        "frames": frames,
        "runs": arrays["runs"][:, :, centre],
        "without_step": averages.without,
        "at_edge": averages.edges,
        "cut": arrays["keys"].sum(2) - arrays["keys"][:, :, centre],
        "kept": arrays["counts"].sum(2) / (frames * averages.width),
        "reach_start": arrays["counts"][:, :, 0],
        "reach_end": arrays["counts"][:, :, -1],
    }
    index = pd.MultiIndex.from_product(
        [averages.classes, averages.alignments], names=["class", "alignment"]
    )
    columns = {name: values.cpu().numpy().ravel() for name, values in tables.items()}
    return pd.DataFrame(columns, index=index).reset_index()
