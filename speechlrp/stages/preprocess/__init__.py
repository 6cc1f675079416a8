"""preprocess: recordings become features, with labels or transcripts and a split."""
