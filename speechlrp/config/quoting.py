"""Values in Hydra's grammar: quoted where they are not plain, and how to type one that was not."""

import re
import shlex

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.errors import HydraException

from speechlrp.errors import SpeechLRPError

CLOSING = {"[": "]", "{": "}"}


def quoted(text: str) -> str:
    """A text as a value; backslashes are escaped where Hydra reads them, before a quote."""
    return "'" + re.sub(r"(\\*)('|$)", _escaped, text, count=text.count("'") + 1) + "'"


def _escaped(before: re.Match) -> str:
    return before[1] * 2 + ("\\'" if before[2] else "")


def unreadable(override: str) -> SpeechLRPError:
    """Say how to type an override that Hydra cannot read."""
    key, equals, value = override.partition("=")
    if value[:1] in CLOSING and not value.rstrip().endswith(CLOSING[value[0]]):
        return SpeechLRPError(
            f"cannot read {override!r}: its {value[0]} is not closed by {CLOSING[value[0]]}; a "
            f"value with blanks goes into quotes: {typed_in_a_shell(key + equals + value + '...')}"
        )
    for mended in (quoted(value), re.sub(r"[^][{},:\s'\"][^][{},:'\"]*", _quoted_word, value)):
        whole_list = value[:1] in CLOSING and mended[:1] == "'"
        if equals and not whole_list and _is_read(f"{key}={mended}"):
            form = typed_in_a_shell(f"{key}={mended}")
            return SpeechLRPError(f"cannot read {override!r}: its value needs quotes: {form}")
    return SpeechLRPError(
        f"cannot read {override!r}; settings are KEY=VALUE, such as trainer.lr=0.001, "
        "task.classes=[calm,glad] or 'explainer.rules=[{layers: Conv2d, rule: zero}]'"
    )


def _quoted_word(word: re.Match) -> str:
    return word[0] if re.fullmatch(r"[\w./+-]+\s*", word[0], re.ASCII) else quoted(word[0].strip())


def _is_read(override: str) -> bool:
    try:
        OverridesParser.create().parse_override(override)
    except HydraException:
        return False
    return True


def typed_in_a_shell(text: str) -> str:
    """A word as one types it, in double quotes where these leave it as it is."""
    return shlex.quote(text) if re.search(r'[$`"!\n]|\\\\|\\$', text) else f'"{text}"'
