"""Corpora made by eSpeak NG, in the official layouts, with the time of every phoneme.

`synthesise` makes one. It needs the extra ``synth`` (``pip install 'speechlrp[synth]'``).
"""

from speechlrp.corpora.synthetic.synthesis import SynthesisSummary, synthesise

__all__ = ["SynthesisSummary", "synthesise"]
