"""A report in a few lines for the terminal."""
from __future__ import annotations

from typing import Any, Dict

from effvit_ros.core.alerts import alert_classes
from effvit_ros.core.mistakes import told

#: What is to be said of an estimate, by whether the bundle knows the view.
_VIEWS = {True: 'the view is like those of the training',
          False: 'UNLIKE the views of the training, where estimates are too high',
          None: 'whether the bundle was trained on such views is not recorded'}


def summary(report: Dict[str, Any]) -> str:
    """Return the report's headline figures as lines of text."""
    lines = [f"{report['n_frames']} frames, {report['n_scored']} of them with truth"]
    if report['miou'] is not None:
        dice = report['mdice_lpcv']
        lines.append(
            f"mIoU {report['miou']:.4f} over {report['classes_present']} classes, "
            + ('no LPCV mean Dice (other classes), ' if dice is None
               else f'LPCV mean Dice {dice:.4f}, ')
            + f"pixel accuracy {report['pixel_accuracy']:.4f}")
        width = max(len(name) for name in report['per_class'])
        lines.append(f"{'class':{width}}     IoU    Dice   share")
        for name, row in report['per_class'].items():
            if row['support']:
                lines.append(f"{name:{width}}  {row['iou']:6.3f}  {row['dice']:6.3f}  "
                             f"{row['share']:6.1%}")
        lines.append(told(report, alert_classes()))
    estimate = report.get('estimate')
    if estimate:
        lines.append(f"estimated mIoU, by confidence alone: {estimate['miou']:.3f} "
                     f"({estimate['low']:.3f} to {estimate['high']:.3f}, the method's own error "
                     f"included); {_VIEWS[estimate['known_view']]}")
    confidence = report['confidence'] or {}
    if confidence.get('accuracy'):
        lines.append('expected calibration error '
                     f"{confidence['expected_calibration_error']:.4f}")
    flips, latency = report['stability']['mean'], report['latency_ms']
    if flips is not None:
        lines.append(f'flips between frames: {flips:.2%} of the pixels')
    lines.append(f"model {latency['p50']:.1f} ms a frame (p50; p95 {latency['p95']:.1f}), "
                 f"waiting for pictures {latency['waiting']:.1%} of it")
    return '\n'.join(lines)
