"""The segmenter's latched legend read back."""
from __future__ import annotations

from typing import Any, Optional

import yaml

from effvit_ros.core.classes import ClassInfo, ClassSet


def legend_classes(text: str) -> Optional[ClassSet]:
    """Return the :class:`~effvit_ros.core.classes.ClassSet` of a legend, None where it is none."""
    try:
        entries = yaml.safe_load(text)
        classes = tuple(_class_info(number, entries[number]) for number in sorted(entries))
    except (yaml.YAMLError, TypeError, KeyError, ValueError, AttributeError):
        return None
    return ClassSet('legend', classes)


def _class_info(number: int, entry: Any) -> ClassInfo:
    red, green, blue = (int(v) for v in entry['rgb'])
    return ClassInfo(number, str(entry['name']), (red, green, blue))
