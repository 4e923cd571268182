"""What was evaluated, by what, where: hashes, versions, device."""
from __future__ import annotations

import hashlib
import os
import platform
from pathlib import Path
from typing import Any, Dict, Iterable, Sequence

from effvit_ros.bags.bag import Bag
from effvit_ros.bags.pictures import IMAGE_TYPES
from effvit_ros.core.bundle import Bundle, sha256_of
from effvit_ros.report.facts import machine, versions

#: Distributions that can change a result or its speed, named as reports always named them.
_PACKAGES = ('effvit-ros', 'numpy', 'opencv-python-headless', 'openvino', 'onnxruntime',
             'tensorrt', 'rosbags', 'mcap')


def bag_identity(bag: Bag, image_topic: str, truth_topic: str,
                 masks: Sequence[Path] = ()) -> Dict[str, Any]:
    """
    Return what the report tells of the bag; everything follows from its content.

    :param masks: the files of a folder of masks, where the truth is in one.
    """
    return {
        'name': bag.name,
        'sha256': bag_hash(bag.contents),
        'files': [file.name for file in bag.files],
        'bytes': sum(file.stat().st_size for file in bag.contents),
        'topic': image_topic,
        'type': bag.topics[image_topic].type,
        'truth_topic': truth_topic,
        'masks': len(masks),
        'masks_sha256': bag_hash(masks) if masks else None,
        'other_image_topics': sorted(
            t.name for t in bag.topics.values()
            if t.type in IMAGE_TYPES and t.name not in (image_topic, truth_topic)),
    }


def bag_hash(files: Sequence[Path]) -> str:
    """
    Return one sha256 for a bag.

    That of its file, or for several the hash of what ``sha256sum FILES`` prints, in order.
    """
    hashes = [sha256_of(file) for file in files]
    if len(hashes) == 1:
        return hashes[0]
    listing = ''.join(f'{digest}  {file.name}\n' for digest, file in zip(hashes, files))
    return hashlib.sha256(listing.encode()).hexdigest()


def inputs_state(files: Iterable[Path]) -> str:
    """Return a hash of names, sizes and times of change: cheaper to compare than contents."""
    digest = hashlib.sha256()
    for file in files:
        status = file.stat()
        digest.update(f'{file}\0{status.st_size}\0{status.st_mtime_ns}\n'.encode())
    return digest.hexdigest()


def bundle_identity(bundle: Bundle) -> Dict[str, Any]:
    """Return what the report tells of the bundle."""
    return {
        'name': bundle.name,
        'sha256': bundle.sha256,
        'graphs': {f'{g.precision}/{g.io}': g.sha256 for g in bundle.graphs},
        'input': [bundle.width, bundle.height],
        'classes': list(bundle.names),
        'palette': bundle.palette.tolist(),
        'terms': bundle.terms,
    }


def device_identity(runtime_description: str) -> Dict[str, Any]:
    """Return the machine, the runtime and the versions of what takes part."""
    facts = machine()
    return {
        'machine': platform.machine(),
        'processor': facts['cpu'],
        'cores': os.cpu_count(),
        'system': platform.platform(),
        'python': facts['python'],
        'runtime': runtime_description,
        'versions': {name: version for name, version in versions(_PACKAGES).items()
                     if name != 'python'},
    }
