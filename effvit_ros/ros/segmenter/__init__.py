"""The segmenter node, from subscription to publication."""
