"""How long `speechlrp --help` takes: seconds, and against starting Python alone."""

import statistics
import subprocess
import sys
import time

RUNS = 11


def seconds(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    help_ = (sys.executable, "-m", "speechlrp", "--help")
    bare = (sys.executable, "-c", "pass")
    seconds(*help_)  # compiles what has not been
    pairs = [(seconds(*help_), seconds(*bare)) for _ in range(RUNS)]
    median = statistics.median(first for first, _ in pairs)
    ratio = statistics.median(first / second for first, second in pairs)
    print(f"speechlrp --help: {median:.3f} s (median of {RUNS}), {ratio:.1f} x a bare Python")


if __name__ == "__main__":
    main()
