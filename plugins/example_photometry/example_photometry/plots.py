"""
Pictures of the results, as PNG files.

Figures are made with matplotlib's objects, never with pyplot: no display, no global state, so
that runs in threads do not disturb each other.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from astropy.table import QTable, Table
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from example_photometry.flags import INFORMATION


def plot_light_curve(table: Table | QTable, path: Path, title: str) -> None:
    """
    Magnitude against time, bright is up; flagged points are hollow.

    Parameters
    ----------
    table : astropy.table.Table
        Columns ``bjd_tdb``, ``mag``, ``mag_err``, ``flags``.
    path : pathlib.Path
    title : str
    """
    figure = Figure(figsize=(8, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    time = np.asarray(table["bjd_tdb"], dtype=float)
    mag, error = np.asarray(table["mag"], dtype=float), np.asarray(table["mag_err"], dtype=float)
    day = np.floor(np.nanmin(time)) if len(time) else 0.0
    flagged = (np.asarray(table["flags"], dtype=int) & ~int(INFORMATION)) != 0
    for chosen, fill, label in ((~flagged, "C0", "good"), (flagged, "none", "flagged")):
        if chosen.any():
            axes.errorbar(
                time[chosen] - day, mag[chosen], error[chosen],
                fmt="o", ms=4, mfc=fill, mec="C0", ecolor="0.6", elinewidth=1, label=label,
            )  # fmt: skip
    if flagged.any():
        axes.legend()
    axes.invert_yaxis()
    axes.set_xlabel(f"BJD$_{{TDB}}$ − {day:.0f}")
    axes.set_ylabel("magnitude")
    axes.set_title(title)
    figure.savefig(path, dpi=130)
