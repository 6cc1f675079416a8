"""explain: relevance of what a network sees."""
