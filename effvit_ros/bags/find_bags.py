"""The bags meant by what a user names: bags, folders of bags, lists of either."""
from __future__ import annotations

from pathlib import Path
from typing import Dict, Iterable, List, Set, Union

from effvit_ros.bags.bag import bag_name, is_part_of, is_storage, METADATA
from effvit_ros.core.errors import UserError
from effvit_ros.core.picture_files import visible


def find_bags(names: Iterable[Union[str, Path]],
              list_file: Union[None, str, Path] = None) -> List[Path]:
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
    found: List[Path] = []
    known: Set[Path] = set()
    for path in wanted:
        # What is not there stays in the list: the others are evaluated, and this one reported.
        bags = bags_under(path) if path.is_dir() else [path]
        if not bags:
            raise UserError(f'{path}: no bag in this folder')
        for bag in bags:
            # By another path or a link it is the same bag, and would count twice.
            if bag.resolve() not in known:
                known.add(bag.resolve())
                found.append(bag)
    if not found:
        raise UserError('no bag was named')
    return found


def refuse_same_names(bags: Iterable[Path], why: str) -> None:
    """
    Refuse bags of which two have one name.

    :param why: what could not be done with them, a sentence's end.
    :raises UserError: there are such.
    """
    known: Dict[str, Path] = {}
    for bag in bags:
        other = known.setdefault(bag_name(bag), bag)
        if other is not bag:
            raise UserError(f'{other} and {bag} have one name, {bag_name(bag)}: {why}; rename one')


def bags_under(folder: Path) -> List[Path]:
    """
    Return the bags in a folder: itself where it is one, else those at any depth, in natural order.

    Storage files without metadata.yaml are bags of their own names, but for those that rosbag2
    named after the folder.
    """
    if (folder / METADATA).is_file():
        return [folder]
    bags = [p for p in visible(folder) if is_storage(p)]
    if bags and all(is_part_of(folder, p) for p in bags):
        return [folder]
    for child in filter(Path.is_dir, visible(folder)):
        bags += bags_under(child)
    return bags


def _listed(file: Path) -> List[Path]:
    try:
        lines = file.read_text(encoding='utf-8-sig').splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f'{file}: the list of bags cannot be read: {error}') from None
    names = [line.strip() for line in lines]
    return [file.parent / Path(name).expanduser()
            for name in names if name and not name.startswith('#')]
