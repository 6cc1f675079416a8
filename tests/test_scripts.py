"""The benchmarks run: what they time is the project's own code, which changes under them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

SMALL = {
    "benchmark_bench.py": ["2", "bench.explainers='random'", "bench.measures=''"],
    "benchmark_cli.py": [],
    "benchmark_crops.py": ["--recordings", "32", "--batch-size", "8", "--model", "small"],
    "benchmark_explainers.py": [
        *("--nets", "resnet34", "--pairs", "1", "--variants", "2", "--batch", "2"),
    ],
    "benchmark_flip.py": ["2"],
    "benchmark_lrp.py": ["--nets", "wav2letter", "--rules", "epsilon", "--batch", "2"],
    "benchmark_maximize.py": ["--steps", "1", "--repeats", "1", "--alone", "1", "--neurons", "2"],
    "benchmark_navai.py": ["--width", "8", "--wide", "8", "--frames", "250", "--repeats", "1"],
    "benchmark_preprocess.py": ["--count", "8", "--workers", "1", "--pairs", "1"],
    "benchmark_train.py": ["--examples", "40", "--epochs", "1"],
    "cuda_agreement.py": ["--nets", "wav2letter", "--rules", "epsilon", "--device", "cpu"],
}


def test_every_benchmark_stands_here():
    scripts = {path.name for path in (ROOT / "scripts").glob("benchmark_*.py")}
    others = {"benchmark_peers.py"}  # which needs other libraries
    assert scripts - others == set(SMALL) - {"cuda_agreement.py"}


@pytest.mark.slow
@pytest.mark.parametrize("script", SMALL)
def test_a_benchmark_prints_its_numbers(script, tmp_path):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    run = subprocess.run(
        [sys.executable, ROOT / "scripts" / script, *SMALL[script]],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1200,
    )
    assert run.returncode == 0, run.stderr
    assert re.search(r"\d\.\d", run.stdout)
