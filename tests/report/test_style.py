import subprocess
import sys

from speechlrp.report import style


def test_every_line_differs_in_colour_dash_and_marker():
    lines = list(style.STRATEGIES.values())
    assert len({line.colour for line in lines}) == len(lines)
    assert len({line.marker for line in lines}) == len(lines)
    assert len({str(line.dash) for line in lines}) == len(lines)
    assert len({line.colour for line in style.OTHERS}) == len(style.OTHERS)


def test_strategies_look_the_same_in_every_figure():
    assert style.lines_for(["x", "lrp"])["lrp"] == style.lines_for(["lrp"])["lrp"]
    assert len(style.lines_for([str(i) for i in range(20)])) == 20


def test_the_same_figure_gives_the_same_bytes():
    fig = style.figure()
    fig.add_subplot().plot([0, 1])
    assert style.figure_png(fig) == style.figure_png(fig)


def test_report_imports_neither_torch_nor_pyplot():
    code = (
        "import sys, speechlrp.report, speechlrp.report.page, speechlrp.report.heatmap,"
        "speechlrp.report.curves; bad = {'torch', 'matplotlib.pyplot'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
