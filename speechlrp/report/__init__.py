"""Figures (pure functions: table -> Figure), tables, and the HTML page of a run.

* ``style``: colours, sizes and encoding of every figure;
* ``heatmap``, ``curves``, ``reference_grid``, ``training``, ``shares``: the figures;
* ``tables``, ``paper``: tables as HTML and Markdown, and the thesis' numbers beside ours;
* ``page``, ``blocks``, ``terms``, ``explorer``: one self-contained HTML page.
"""
