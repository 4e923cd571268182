"""TensorRT for RTX, on a simulated GPU."""
import simulated_tensorrt
from simulated_gpu import setting

globals().update(simulated_tensorrt.release('tensorrt_rtx', setting('TENSORRT_RTX', '1.7.1')))
