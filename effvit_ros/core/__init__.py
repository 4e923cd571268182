"""The segmenter without ROS: bundle, runtimes, overlay, metrics."""
