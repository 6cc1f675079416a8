"""Corpora made by eSpeak NG, in the official layouts, with the time of every phoneme."""

from speechlrp.corpora.synthetic.run import SynthesisSummary, synthesise

__all__ = ["SynthesisSummary", "synthesise"]
