"""How the source is laid out: which package imports which, how large things are, what is linked."""

import ast
import re
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / "biofs"
ORDER = [
    {"errors"},
    {"tree"},
    {"api"},
    {"settings"},
    {"store", "demo"},
    {"catalogue", "contents"},
    {"mount"},
    {"control"},
    {"cli"},
]
"""A package imports from those before it; of two that stand together, neither imports the other."""

OF_THE_API_FOR_SETTINGS = {"biofs.api.secrets", "biofs.api.server"}
"""What settings hold. These modules are all that `settings` may use of the API."""

WHO_MAY_LOAD_THE_DEMO = {"catalogue/catalogue.py", "cli/commands/demo.py"}
"""All others work without the extra `biofs[demo]`."""

MOST_ENTRIES = 20
MOST_LINES = 400
MOST_LINES_OF_THE_README = 150

MODULES = sorted(PACKAGE.rglob("*.py"))


def imports(module: Path) -> Iterator[str]:
    """The modules of biofs that a module imports, also those in functions."""
    return imports_of(ast.parse(module.read_text("utf-8")))


def imports_of(tree: ast.Module) -> Iterator[str]:
    """The modules of biofs that are imported anywhere in a tree of syntax."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if each.name.startswith("biofs"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("biofs"):
            for each in node.names:
                inner = f"{node.module}.{each.name}"
                path = CHECKOUT / inner.replace(".", "/")
                is_module = path.with_suffix(".py").exists() or path.is_dir()
                yield inner if is_module else str(node.module)


def package_of(name: str) -> str:
    """The package directly below biofs; "" for biofs itself."""
    return name.partition(".")[2].partition(".")[0]


def name_of(module: Path) -> str:
    return ".".join(module.relative_to(CHECKOUT).with_suffix("").parts)


def place(package: str) -> int:
    return next(number for number, packages in enumerate(ORDER) if package in packages)


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_imports_point_one_way(module: Path) -> None:
    importer = package_of(name_of(module))
    if importer in {"__init__", "__main__"}:
        return  # what Python itself runs
    for name in imports(module):
        imported = package_of(name)
        if imported in {importer, ""}:
            continue
        if imported == "demo":
            assert module.relative_to(PACKAGE).as_posix() in WHO_MAY_LOAD_THE_DEMO, name
            continue
        assert place(imported) < place(importer), name
        if (importer, imported) == ("settings", "api"):
            assert name in OF_THE_API_FOR_SETTINGS


def loads(module: Path) -> Iterator[str]:
    """The modules of biofs that a module needs before it can be loaded."""
    tree = ast.parse(module.read_text("utf-8"))
    top = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    yield from imports_of(ast.Module(top, []))


def test_no_module_needs_itself() -> None:
    # Else which of them is loaded first decides whether a program starts.
    graph = {name_of(module): set(loads(module)) for module in MODULES}
    names = set(graph)
    assert "biofs.cli.options" in list(
        TopologicalSorter({name: found & names for name, found in graph.items()}).static_order()
    )


def test_every_package_has_its_place() -> None:
    packages = {package_of(name_of(module)) for module in MODULES} - {"__init__", "__main__"}
    assert packages == set().union(*ORDER)


def test_what_settings_use_of_the_api_uses_nothing_of_settings() -> None:
    for name in OF_THE_API_FOR_SETTINGS:
        module = CHECKOUT / f"{name.replace('.', '/')}.py"
        assert {package_of(found) for found in imports(module)} <= {"api", "errors", "tree"}


def test_no_folder_is_crowded() -> None:
    scripts = (CHECKOUT / "scripts").rglob("*.py")
    for folder in {module.parent for module in (*MODULES, *scripts)}:
        entries = [path.name for path in folder.iterdir() if path.name != "__pycache__"]
        assert len(entries) <= MOST_ENTRIES, folder


@pytest.mark.parametrize("module", MODULES, ids=name_of)
def test_no_module_is_too_long(module: Path) -> None:
    assert module.read_text("utf-8").count("\n") <= MOST_LINES


def test_the_readme_is_short_and_links_every_document() -> None:
    text = (CHECKOUT / "README.md").read_text("utf-8")
    assert text.count("\n") <= MOST_LINES_OF_THE_README
    assert "scripts/test" in text
    linked = set(re.findall(r"\]\(([^)#]+)", text))
    documents = [*CHECKOUT.glob("docs/*.md"), *CHECKOUT.glob("*.md")]
    for document in documents:
        if document.name != "README.md":
            assert document.relative_to(CHECKOUT).as_posix() in linked, document.name
