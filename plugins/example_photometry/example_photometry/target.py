"""What is measured: a place on the sky that may move."""

from __future__ import annotations

import math
from dataclasses import dataclass

DAYS_PER_YEAR = 365.25
MJD_2000 = 51544.5


@dataclass(frozen=True)
class Target:
    """
    A star and its coordinates.

    Parameters
    ----------
    ra, dec : float
        ICRS degrees at ``epoch``.
    name : str
        For titles.
    pm_ra, pm_dec : float
        Proper motion in milliarcseconds a year; ``pm_ra`` includes cos(dec).
    epoch : float
        Julian year.
    """

    ra: float
    dec: float
    name: str = "target"
    pm_ra: float = 0.0
    pm_dec: float = 0.0
    epoch: float = 2000.0

    def at(self, mjd: float) -> tuple[float, float]:
        """Coordinates (ICRS degrees) at a time (modified Julian date)."""
        years = (mjd - MJD_2000) / DAYS_PER_YEAR + 2000.0 - self.epoch
        dec = self.dec + years * self.pm_dec / 3.6e6
        ra = self.ra + years * self.pm_ra / 3.6e6 / max(math.cos(math.radians(self.dec)), 1e-6)
        return ra % 360.0, dec
