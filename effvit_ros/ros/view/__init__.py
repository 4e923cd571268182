"""A page in the browser: what the segmenter sees, live."""
