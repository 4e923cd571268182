"""Class colours blended over the picture, with a legend of the classes in view."""
from __future__ import annotations

from typing import Dict, Sequence, Tuple

import cv2
import numpy as np

from effvit_ros.core.resize import nearest

_FONT = cv2.FONT_HERSHEY_SIMPLEX


class Overlay:
    """
    Draws label maps over pictures; tables, buffers and legends are made once and reused.

    Class 0 is background by convention: its pixels show the picture as it is.
    """

    def __init__(self, names: Sequence[str], palette: np.ndarray, alpha: float = 0.5) -> None:
        """
        Prepare for these classes.

        :param palette: (n, 3) uint8, RGB.
        :param alpha: weight of the class colour, 0..1.
        """
        self._names = names
        self._bgr = np.ascontiguousarray(palette[:, ::-1])
        self.alpha = alpha
        table = np.zeros((256, 1, 3), np.uint8)
        table[:len(names), 0] = self._bgr
        self._table = table
        self._colors = np.empty((0, 0, 3), np.uint8)
        self._blended = self._colors
        self._legends: Dict[Tuple[Tuple[int, ...], int], np.ndarray] = {}

    def colorize(self, labels: np.ndarray) -> np.ndarray:
        """Return (H, W, 3) uint8 BGR class colours; ids without a class are black."""
        return cv2.applyColorMap(labels, self._table)

    def draw(self, image: np.ndarray, labels: np.ndarray, legend: bool = True) -> np.ndarray:
        """
        Return the picture with the classes' colours blended in.

        :param image: (H, W, 3) uint8 BGR.
        :param labels: (H, W) uint8, or smaller: it is then enlarged by nearest neighbour.
        :returns: (H, W, 3) uint8 BGR, valid until the next call.
        """
        height, width = image.shape[:2]
        if (height, width) == (1, 1):  # OpenCV 4.5.4 takes no (1, 1, 3)
            twice = nearest(labels, (1, 2))
            return self.draw(np.repeat(image, 2, axis=0), twice, legend=False)[:1]
        if self._blended.shape != image.shape:
            self._colors = np.empty(image.shape, np.uint8)
            self._blended = np.empty(image.shape, np.uint8)
        if labels.shape != (height, width):
            labels = nearest(labels, (width, height))
        cv2.applyColorMap(labels, self._table, dst=self._colors)
        cv2.addWeighted(image, 1 - self.alpha, self._colors, self.alpha, 0, dst=self._blended)
        background = cv2.compare(labels, 0, cv2.CMP_EQ)  # type: ignore[call-overload]
        cv2.copyTo(image, background, dst=self._blended)
        if legend:
            self._draw_legend(labels)
        return self._blended

    def _draw_legend(self, labels: np.ndarray) -> None:
        height, width = labels.shape
        # A coarse grid is enough to tell which classes are in view.
        stride = max(1, height // 64)
        present = np.bincount(labels[::stride, ::stride].ravel(), minlength=256)
        ids = tuple(int(i) for i in np.flatnonzero(present) if i < len(self._names))
        if not ids:
            return
        panel = self._legend(ids, height)
        rows, columns = min(panel.shape[0], height), min(panel.shape[1], width)
        corner = self._blended[:rows, :columns]
        cv2.addWeighted(corner, 0.25, panel[:rows, :columns], 0.75, 0, dst=corner)

    def _legend(self, ids: Tuple[int, ...], height: int) -> np.ndarray:
        key = ids, height
        if key not in self._legends:
            if len(self._legends) >= 64:
                self._legends.clear()
            self._legends[key] = self._render_legend(ids, max(0.35, height / 1400))
        return self._legends[key]

    def _render_legend(self, ids: Tuple[int, ...], scale: float) -> np.ndarray:
        line = int(34 * scale)
        widest = max(cv2.getTextSize(self._names[i], _FONT, scale, 1)[0][0] for i in ids)
        panel = np.full((line * len(ids) + line // 2, widest + 2 * line, 3), 32, np.uint8)
        for row, i in enumerate(ids):
            top = line // 4 + row * line
            color = tuple(int(c) for c in self._bgr[i])
            cv2.rectangle(panel, (line // 4, top + line // 6),
                          (line, top + line - line // 6), color, cv2.FILLED)
            cv2.putText(panel, self._names[i], (line + line // 3, top + int(line * 0.72)),
                        _FONT, scale, (255, 255, 255), 1, cv2.LINE_AA)
        return panel
