"""Segmentation of UAV camera streams in ROS 2."""
