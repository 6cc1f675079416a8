import subprocess
import sys
import textwrap

import pytest

from speechlrp.audio.backend import is_extension_failure, load_torchaudio, make_stub
from speechlrp.errors import SpeechLRPError

FAKE = """
    import sys, types, importlib
    plain = importlib.import_module
    calls = []
    def fake(name):
        calls.append(name)
        {behaviour}
    importlib.import_module = fake
    from speechlrp.audio.backend import load_torchaudio
    {check}
"""


def run(behaviour: str, check: str) -> str:
    code = textwrap.dedent(FAKE).format(behaviour=behaviour, check=check)
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_plain_import_is_used_where_it_works() -> None:
    out = run(
        "return types.SimpleNamespace(name='plain')",
        "print(load_torchaudio().name, calls, 'torchaudio._extension' in sys.modules)",
    )
    assert out == "plain ['torchaudio'] False"


@pytest.mark.parametrize(
    "error",
    [
        "OSError('libc10_cuda.so: cannot open shared object file')",
        "OSError('Could not load this library: /x/torchaudio/lib/_torchaudio.abi3.so')",
        "RuntimeError('PyTorch and TorchAudio were compiled with different CUDA versions')",
    ],
)
def test_the_extension_is_left_out_where_it_does_not_load(error: str) -> None:
    out = run(
        f"if len(calls) == 1: raise {error}\n    return plain(name)",
        "t = load_torchaudio(); e = sys.modules['torchaudio._extension']; "
        "import torch; print(e._IS_TORCHAUDIO_EXT_AVAILABLE, "
        "tuple(t.transforms.Resample(48000, 8000)(torch.zeros(1, 480)).shape))",
    )
    assert out == "False (1, 80)"


def test_threads_wait_for_the_one_that_leaves_it_out() -> None:
    out = run(
        "stubbed = 'torchaudio._extension' in sys.modules; __import__('time').sleep(0.5)\n"
        "    if not stubbed: raise OSError('libc10_cuda.so')\n    return types.SimpleNamespace()",
        "from concurrent.futures import ThreadPoolExecutor as Pool; "
        "list(Pool(3).map(lambda _: load_torchaudio(), range(3))); print(len(calls))",
    )
    assert out == "4"  # the first thread's two, and one of each of the others


def test_another_failure_is_passed_on_and_leaves_no_stub() -> None:
    out = run(
        "raise OSError('disk on fire')",
        "\ntry: load_torchaudio()\n"
        "except OSError as e: print(e, 'torchaudio._extension' in sys.modules)",
    )
    assert out == "disk on fire False"


def test_a_second_failure_takes_the_stub_away_again() -> None:
    out = run(
        "raise OSError('libc10_cuda.so')",
        "\ntry: load_torchaudio()\n"
        "except OSError as e: print(len(calls), 'torchaudio._extension' in sys.modules)",
    )
    assert out == "2 False"


def test_what_is_used_works_in_this_process() -> None:
    torchaudio = load_torchaudio()
    assert torchaudio is load_torchaudio()
    assert torchaudio.functional.melscale_fbanks(129, 0.0, 4000.0, 40, 8000).shape == (129, 40)


def test_what_needs_the_extension_says_so() -> None:
    refused = make_stub().fail_if_no_align(len)
    with pytest.raises(SpeechLRPError, match="len needs its compiled extension"):
        refused([])


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError("libc10_cuda.so: cannot open"), True),
        (OSError("no such file"), False),
        (RuntimeError("TorchAudio has CUDA version 13.0"), True),
        (RuntimeError("out of CUDA memory"), False),
    ],
)
def test_only_the_extension_counts(error: Exception, expected: bool) -> None:
    assert is_extension_failure(error) is expected
