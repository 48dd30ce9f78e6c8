"""Object code on disk."""

from __future__ import annotations

import hashlib


def key(*parts: str | bytes) -> str:
    """Return the name of the entry that these parts decide."""
    digest = hashlib.blake2b(digest_size=32)
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        digest.update(len(raw).to_bytes(8, "little"))
        digest.update(raw)
    return digest.hexdigest()


def load(key: str) -> bytes | None:
    """Return the code of an entry, None if there is none."""


def store(key: str, code: bytes) -> None:
    """Keep the code of an entry."""
