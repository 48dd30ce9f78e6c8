"""Files that the user asks for."""

from __future__ import annotations

import os


def write_text(path: str | os.PathLike[str], text: str, name: str) -> str:
    """Write a file and return its path; raise, in the name of the public function, if there is no folder for it."""
    path = os.fspath(path)
    folder = os.path.dirname(path)
    if folder and not os.path.isdir(folder):
        raise FileNotFoundError(
            f"{name}: there is no folder {folder!r} to write {os.path.basename(path)!r} in\n"
            f"  remedy: make it before, os.makedirs({folder!r}), or name a folder that exists"
        )
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path
