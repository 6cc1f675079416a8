"""The command line: click parses, Hydra composes and runs."""

from importlib.util import find_spec

if not find_spec("click"):  # installed without what it depends on, for the engine alone
    raise SystemExit("error: the command line needs more than torch: pip install speechlrp")
