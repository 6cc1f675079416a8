"""`python -m speechlrp` is `speechlrp`."""

from speechlrp.cli.main import main

main(prog_name="speechlrp")
