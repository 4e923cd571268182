"""A node's log level on its command line."""
from __future__ import annotations

from typing import List


def log_arguments(level: str, namespace: str, name: str) -> List[str]:
    """
    Return the arguments for a node that shows what is at ``level`` or above.

    ``debug`` is for the node alone: rcl's own would be 300 lines a second.
    """
    if level == 'debug':
        logger = '.'.join(part for part in (*namespace.split('/'), name) if part)
        level = f'{logger}:={level}'
    return ['--ros-args', '--log-level', level]
