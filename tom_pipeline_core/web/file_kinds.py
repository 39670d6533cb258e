"""What kind of file a name promises, for previews."""

from __future__ import annotations

IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".svg": "image/svg+xml",
}
TABLES = (".ecsv", ".csv")
FITS = (".fits", ".fit", ".fts", ".fits.fz", ".fits.gz")


def image_type(name: str) -> str:
    """Return the media type of an image that browsers show, or ``''``."""
    lower = name.lower()
    return next((kind for suffix, kind in IMAGES.items() if lower.endswith(suffix)), "")


def is_image(name: str) -> bool:
    return bool(image_type(name))


def is_table(name: str) -> bool:
    return name.lower().endswith(TABLES)


def is_fits(name: str) -> bool:
    return name.lower().endswith(FITS)
