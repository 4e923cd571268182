"""
What a machine with a GPU can do with a bundle: builds, parity, latency, memory.

Each row runs in a process of its own, so that one that crashes is a line in the report. torch
is a yardstick, measured by the compression package where that is installed; nothing here
imports it.
"""
