"""TensorRT of the release that STAND_IN_TENSORRT names, on a simulated GPU."""
import simulated_tensorrt
from simulated_gpu import setting

globals().update(simulated_tensorrt.release('tensorrt', setting('TENSORRT', '10.3.0')))
