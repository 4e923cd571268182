"""The bags meant by what a user names: bags, folders of bags, lists of either."""
from __future__ import annotations

import re
from pathlib import Path

from effvit_ros.bags.bag import is_storage, METADATA
from effvit_ros.bags.storage import COMPRESSED_SUFFIX
from effvit_ros.core.errors import UserError


def find_bags(names, list_file=None):
    """
    Return the paths of the bags, in the order given, each once.

    :param names: bags, or folders in which bags are looked for at any depth.
    :param list_file: a text file with one such name a line; empty lines and those that begin
        with # are skipped, relative names are taken from the file's folder.
    :raises UserError: the list can't be read, or a folder holds no bag.
    """
    wanted = [Path(name).expanduser() for name in names]
    if list_file is not None:
        wanted += _listed(Path(list_file))
    found = []
    for path in wanted:
        # What is not there stays in the list: the others are evaluated, and this one reported.
        bags = bags_under(path) if path.is_dir() else [path]
        if not bags:
            raise UserError(f'{path}: no bag in this folder')
        found += [bag for bag in bags if bag not in found]
    if not found:
        raise UserError('no bag was named')
    return found


def bags_under(folder):
    """Return the bags in a folder: itself where it is one, else those at any depth, sorted."""
    if (folder / METADATA).is_file():
        return [folder]
    files = sorted(p for p in folder.iterdir() if is_storage(p))
    rosbag2 = [p for p in files if '.bag' not in p.suffixes]
    # rosbag2 numbers the files of a bag; a folder with such files lost its metadata.yaml.
    if rosbag2 and (len(files) == 1 or all(_numbered_part(p) for p in files)
                    and len({_numbered_part(p) for p in files}) == 1):
        return [folder]
    bags = list(files)
    for child in sorted(p for p in folder.iterdir() if p.is_dir()):
        bags += bags_under(child)
    return bags


def _numbered_part(path):
    """Return what stands before the number in ``flight_0.mcap``, or None without a number."""
    name = path.name
    if name.endswith(COMPRESSED_SUFFIX):
        name = name[:-len(COMPRESSED_SUFFIX)]
    match = re.match(r'(.+)_\d+\.\w+$', name)
    return match.group(1) if match else None


def _listed(file):
    try:
        lines = file.read_text(encoding='utf-8').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f'{file}: the list of bags cannot be read: {error}') from None
    names = [line.strip() for line in lines]
    return [file.parent / Path(name).expanduser()
            for name in names if name and not name.startswith('#')]
