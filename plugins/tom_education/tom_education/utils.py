"""What old code imports from here."""

from collections.abc import Iterable


def assert_valid_suffix(filename: str, allowed_suffixes: Iterable[str]) -> None:
    """
    Check the ending of a file name.

    Raises
    ------
    AssertionError
        If the name ends in none of ``allowed_suffixes``; upper and lower case differ.
    """
    suffixes = tuple(allowed_suffixes)
    if not filename.endswith(suffixes):
        raise AssertionError(
            f"File '{filename}' does not end an allowed filename suffix ({', '.join(suffixes)})"
        )
