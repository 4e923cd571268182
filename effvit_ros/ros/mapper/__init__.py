"""The mapper node: labels and poses to a growing map and alerts with a place."""
