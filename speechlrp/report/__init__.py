"""Figures (pure functions: table -> Figure), tables, and the HTML page of a run.

* ``style``: colours, sizes, legends and encoding of every figure;
* ``heatmap``, ``curves``, ``reference_grid``, ``training``, ``share_figures``, ...: the figures;
* ``accuracy_tables``, ``paper``: tables as HTML, and the thesis' numbers beside ours;
* ``page``, ``blocks``, ``explorer``, ``packing``: one self-contained HTML page.
"""
