"""The benchmark: bare runtimes, the core and the node, side by side in one run."""
