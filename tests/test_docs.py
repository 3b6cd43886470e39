"""Links between the documents lead somewhere, and the README names commands that exist."""
import re

import pytest

LINK = re.compile(r"\[[^\]]+\]\(([^)#\s]+)(?:#[^)]*)?\)")


def documents(root):
    return [root / "README.md", *sorted((root / "docs").rglob("*.md")), *sorted((root / "examples").rglob("*.md"))]


def test_relative_links_lead_to_files(root):
    broken = [f"{doc.relative_to(root)}: {target}" for doc in documents(root) for target in LINK.findall(doc.read_text())
              if "://" not in target and not (doc.parent / target).exists()]
    assert broken == []


def test_make_commands_in_documents_exist(root):
    targets = set(re.findall(r"^([a-z-]+)(?: [a-z-]+)*:", (root / "Makefile").read_text(), re.MULTILINE))
    for doc in documents(root):
        used = set(re.findall(r"(?:`|^ {4})make ([a-z-]+)", doc.read_text(), re.MULTILINE))
        assert used <= targets, doc


@pytest.mark.parametrize("folder", ["docs/decisions"])
def test_decisions_are_numbered_without_gaps(root, folder):
    numbers = [int(p.name[:3]) for p in sorted((root / folder).glob("*.md"))]
    assert numbers == list(range(1, len(numbers) + 1))
