"""Known times of phonemes, and how far key steps lie from them.

Letters are linked to the phonemes that they spell (`spelling`), frames to the letters of the text
(`linking`), whose key steps have errors; these have bias and spread (`exactness`).
"""
