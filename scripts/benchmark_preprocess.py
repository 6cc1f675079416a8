"""Recordings per second of ``extract`` against the plain way, as ratios within one run.

The plain way is one file at a time: ``soundfile.read``, scipy's resampling (``fft`` is
``scipy.signal.resample``, which the paper's code uses; ``poly`` is ``resample_poly``),
``scipy.signal.stft``, dB. Both have the same cores; runs alternate, so that a busy machine
slows both. Neither writes anything.

    python scripts/benchmark_preprocess.py --data ../shared/data/audiomnist
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import scipy.signal
import soundfile

from speechlrp.audio.extraction import extract
from speechlrp.audio.spectrogram import SpectrogramSettings

SETTINGS = SpectrogramSettings()


def synthesise(folder: Path, count: int) -> None:
    """Write noise of AudioMNIST's lengths (0.62 s on average) and format (48 kHz, 16 bit)."""
    draw = np.random.default_rng(0)
    for number in range(count):
        seconds = float(np.clip(draw.normal(0.62, 0.1), 0.41, 0.96))
        samples = draw.normal(0, 0.1, round(seconds * 48000))
        soundfile.write(folder / f"{number:05}.wav", samples, 48000, subtype="PCM_16")


def poly(samples: np.ndarray, rate: int) -> np.ndarray:
    return scipy.signal.resample_poly(samples, SETTINGS.rate, rate)


def fft(samples: np.ndarray, rate: int) -> np.ndarray:
    return scipy.signal.resample(samples, -(-len(samples) * SETTINGS.rate // rate))


def plain(path: Path, resample: Callable, draw: np.random.Generator) -> np.ndarray:
    wave = resample(*soundfile.read(path))
    window = np.zeros(SETTINGS.length)
    offset = draw.integers(len(window) - len(wave) + 1)
    window[offset : offset + len(wave)] = wave
    values = scipy.signal.stft(window, SETTINGS.rate, nperseg=455, noverlap=420)[2]
    amplitude = np.abs(values[:227, 2:-1])
    return (20 * np.log10(np.maximum(amplitude / amplitude.max(), 1e-4))).astype(np.float32)


def seconds_of(work: Callable[[], int], count: int) -> float:
    start = time.perf_counter()
    done = work()
    taken = time.perf_counter() - start
    if done != count:
        raise SystemExit(f"{done} of {count} recordings came out; pick a folder of short ones")
    return taken


def measure(files: Sequence[Path], unit: int, workers: Sequence[int], pairs: int) -> None:
    items = [(path.stem, path) for path in files]
    units = [items[start : start + unit] for start in range(0, len(items), unit)]
    draw = np.random.default_rng(0)
    ways: dict[str, Callable[[], int]] = {
        f"plain {resample.__name__}": lambda resample=resample: sum(
            plain(path, resample, draw).ndim == 2 for path in files
        )
        for resample in (poly, fft)
    }
    for count in workers:
        ways[f"extract, workers={count}"] = lambda count=count: sum(
            len(batch.features) for batch in extract(units, SETTINGS, seed=0, workers=count)
        )
    times: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(pairs + 1):  # the first warms up
        for name, work in ways.items():
            taken = seconds_of(work, len(files))
            if turn:
                times[name].append(taken)
    report(times)


def report(times: dict[str, list[float]]) -> None:
    for ours in (name for name in times if name.startswith("extract")):
        for theirs in (name for name in times if name.startswith("plain")):
            ratios = sorted(b / a for a, b in zip(times[ours], times[theirs], strict=True))
            print(
                f"{ours:20} {statistics.median(ratios):5.2f} x {theirs}"
                f"   (pairs: {ratios[0]:.2f} to {ratios[-1]:.2f};"
                f" best against best: {min(times[theirs]) / min(times[ours]):.2f})"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of .wav; default: made for the run")
    parser.add_argument("--count", type=int, default=512, help="files, at most")
    parser.add_argument("--unit", type=int, default=64, help="recordings of a unit")
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--pairs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = options.data or Path(made)
        if options.data is None:
            synthesise(folder, options.count)
        files = sorted(folder.rglob("*.wav"))[: options.count]
        if not files:
            raise SystemExit(f"no .wav below {folder}")
        print(f"{len(files)} files, units of {options.unit}, {options.pairs} pairs")
        measure(files, options.unit, options.workers, options.pairs)


if __name__ == "__main__":
    main()
