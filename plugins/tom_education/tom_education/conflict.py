"""The former distribution has the same import package: the two cannot be installed together."""

from __future__ import annotations

from importlib import metadata

OURS = "tom-pipeline-core-education"
FORMER = "tom_education"


def conflict() -> str:
    """Return what is wrong if the former distribution is installed too, or ``''``."""
    try:
        version = metadata.version(FORMER)
    except metadata.PackageNotFoundError:
        return ""
    return (
        f"The distribution {FORMER} {version} is installed beside {OURS}, which replaces it. Both "
        "write the folder 'tom_education', so that what is imported is a mixture."
    )


def remedy() -> str:
    """Return the commands that leave only this distribution, files included."""
    return f"pip uninstall --yes {FORMER}; pip install --force-reinstall --no-deps {OURS}"
