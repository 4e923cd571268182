"""Run time of bundles and of the parts of a network."""
