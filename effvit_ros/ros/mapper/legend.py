"""The segmenter's latched legend read back."""
from __future__ import annotations

import yaml

from effvit_ros.core.classes import ClassInfo, ClassSet


def legend_classes(text):
    """Return the :class:`~effvit_ros.core.classes.ClassSet` of a legend, None where it is none."""
    try:
        entries = yaml.safe_load(text)
        classes = tuple(ClassInfo(number, str(entries[number]['name']),
                                  tuple(int(v) for v in entries[number]['rgb']))
                        for number in sorted(entries))
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError):
        return None
    return ClassSet('legend', classes)
