"""The camera node and its sources."""
