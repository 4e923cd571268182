"""
TensorRT engines: from a bundle's graph to a file that one kind of GPU executes.

An engine fits one version of TensorRT and one kind of GPU, so it is no part of a bundle: it is
built where it runs, kept with a readable sidecar that says what it fits, and built again when
something differs. Nothing here needs TensorRT to be imported.
"""
