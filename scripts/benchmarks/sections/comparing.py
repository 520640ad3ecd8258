"""The same tree through biofs, the floor, the limit, and what people use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

from biofs.demo.accounts import DONOR_TOKEN
from scripts.benchmarks.making import trees
from scripts.benchmarks.making.trees import Size, Tree
from scripts.benchmarks.measuring import Series, measure
from scripts.benchmarks.operations import all_operations
from scripts.benchmarks.peers.systems import SERVER, SYSTEMS, Mounted

WHOLE = Size(groups=5_000, directory_entries=50_000, file_entries=600_000)
QUICK = Size(groups=500, directory_entries=5_000, file_entries=60_000)


def compare(
    base: Path,
    size: Size,
    systems: Sequence[str],
    operations: Sequence[str],
    repetitions: int,
    say: Callable[[str], None],
) -> list[Series]:
    """Make the tree in `base`, mount the systems, measure. No `operations` means all of them."""
    tree = Tree(base)
    with ExitStack() as stack:
        mounted = _mounted(stack, tree, size, systems, say)
        known = {operation.name: operation for operation in all_operations(tree)}
        return measure(mounted, [known[name] for name in operations or known], repetitions, say)


def _mounted(
    stack: ExitStack, tree: Tree, size: Size, names: Sequence[str], say: Callable[[str], None]
) -> list[Mounted]:
    say(f"filling a store with {size.groups:,} groups")
    trees.fill_store(
        tree.cache, SERVER, DONOR_TOKEN, size, lambda done: say(f"filled {done:,} groups")
    )
    biofs = stack.enter_context(SYSTEMS["biofs"](tree, tree.base / "biofs"))
    say("copying the tree out of biofs")
    trees.copy_out(biofs.root, tree)
    if "ratarmount" in names:
        say("making a tar archive")
        trees.make_tar(tree)
    if "squashfuse" in names:
        say("making a squashfs image")
        trees.make_squashfs(tree)
    found: list[Mounted] = []
    for name in names:
        if name == "biofs":
            found.append(biofs)
            continue
        say(f"mounting {name}")
        found.append(stack.enter_context(SYSTEMS[name](tree, tree.base / name)))
    return found
