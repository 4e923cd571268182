"""Recorded flights: make, read, evaluate, report and compare bags; no ROS needed."""
