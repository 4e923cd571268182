"""The surface of pycuda that the runtime uses, on a simulated GPU."""
