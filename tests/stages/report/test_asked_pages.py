"""What a page is asked for and cannot show is told, and what it can makes another page."""

import pytest

REFUSED = {
    "explainer.target=male": "was made with explainer.target=label",
    "beside=[none]": "unknown run with features 'none'",
}


@pytest.mark.parametrize("setting", REFUSED)
def test_what_there_is_not_is_refused(finished, setting):
    done = finished.speechlrp("report", settings=(setting,))
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert REFUSED[setting] in done.stderr


def test_another_subset_makes_another_page(copied):
    assert "complete, nothing to do" in copied.speechlrp("report").stdout
    done = copied.speechlrp("report", settings=("subset=validate",))
    assert done.returncode == 0, done.stderr
    assert "subset was test, is validate; running again" in done.stdout
    said = "nothing is explained of weights=train on subset=validate: the page has no explorer"
    assert said in done.stdout
