"""What the segmenter says about itself on /diagnostics."""
