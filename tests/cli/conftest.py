"""Run the command line inside the test."""

import os
import sys
from collections.abc import Callable

import pytest
from click.testing import CliRunner, Result

from speechlrp.cli.main import main


@pytest.fixture
def speechlrp(tmp_path, monkeypatch) -> Callable[..., Result]:
    """``*arguments -> Result`` in an empty folder; checks that what it swaps comes back."""
    monkeypatch.chdir(tmp_path)
    for name in ("SPEECHLRP_DATA", "SPEECHLRP_OUTPUTS"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Result:
        monkeypatch.setattr(sys, "argv", ["speechlrp", *arguments])
        argv, environment = list(sys.argv), dict(os.environ)
        result = CliRunner().invoke(main, arguments, prog_name="speechlrp")
        assert sys.argv == argv
        assert {k: v for k, v in os.environ.items() if k != "PYTEST_CURRENT_TEST"} == {
            k: v for k, v in environment.items() if k != "PYTEST_CURRENT_TEST"
        }
        return result

    return run


@pytest.fixture
def refused(speechlrp) -> Callable[..., str]:
    """``*arguments -> the one line`` that the user sees; exit status 1, no traceback."""

    def run(*arguments: str) -> str:
        result = speechlrp(*arguments)
        assert isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == 1
        assert result.stdout == ""
        lines = result.stderr.splitlines()
        assert len(lines) == 1
        assert lines[0].startswith("error: ")
        return lines[0]

    return run
