"""How to measure: everything a person can choose, with defaults that suit most series."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from example_photometry.frames import Overrides

ApertureUnit = Literal["fwhm", "arcsec", "pixel"]


@dataclass(frozen=True)
class GivenStar:
    """A comparison star that the user names: ICRS degrees, and its magnitude when known."""

    ra: float
    dec: float
    mag: float | None = None


@dataclass(frozen=True)
class Settings:
    """
    Parameters of a measurement.

    Parameters
    ----------
    aperture : str
        ``auto`` tries several multiples of the seeing and takes the one with the least scatter of
        stars as bright as the target; ``fwhm``, ``arcsec`` and ``pixel`` are the unit of
        ``aperture_radius``. Ring radii are in the same unit, FWHM for ``auto``.
    aperture_radius, annulus_inner, annulus_outer : float
    background : str
        ``annulus`` (a ring around each star) or ``mesh`` (Source Extractor's map of the sky).
    comparison_stars : tuple of GivenStar
        Empty: chosen automatically.
    min_comparisons, max_comparisons : int
    comparison_max_separation : float
        Arcminutes from the target; 0: the whole frame.
    max_shift : float
        Arcseconds or pixels, whichever is larger: how far a star may be from its place.
    filter : str
        Only frames of this filter; empty: each filter by itself.
    zero_point : str
        ``differential`` (the comparison stars' mean is 0), ``comparison`` (their given
        magnitudes) or ``constant`` (``zero_point_value`` is the magnitude of one count a second).
    cosmic_rays : str
        ``flag`` or ``off``.
    outlier_sigma : float
        Points further from their neighbours in time are flagged.
    detrend : str
        ``none`` or ``airmass``: take out a line in airmass.
    target_xy : tuple of float or None
        The target in the first frame, 0-based pixels, for frames without any WCS.
    overrides : Overrides
    """

    aperture: Literal["auto"] | ApertureUnit = "auto"
    aperture_radius: float = 1.5
    annulus_inner: float = 4.0
    annulus_outer: float = 7.0
    background: Literal["annulus", "mesh"] = "annulus"
    comparison_stars: tuple[GivenStar, ...] = ()
    min_comparisons: int = 3
    max_comparisons: int = 60
    comparison_max_separation: float = 0.0
    max_shift: float = 3.0
    filter: str = ""
    zero_point: Literal["differential", "comparison", "constant"] = "differential"
    zero_point_value: float = 25.0
    cosmic_rays: Literal["flag", "off"] = "flag"
    outlier_sigma: float = 5.0
    detrend: Literal["none", "airmass"] = "none"
    target_xy: tuple[float, float] | None = None
    overrides: Overrides = field(default_factory=Overrides)

    def factors(self) -> tuple[float, ...]:
        """Aperture radii to measure, in the unit of :meth:`unit`."""
        return AUTO_FACTORS if self.aperture == "auto" else (self.aperture_radius,)

    def unit(self) -> ApertureUnit:
        return "fwhm" if self.aperture == "auto" else self.aperture

    def pixels_per_unit(self, fwhm: float, scale: float) -> float:
        """The unit of the radii in pixels; ``scale`` is arcseconds per pixel."""
        return {"fwhm": fwhm, "arcsec": 1 / scale, "pixel": 1.0}[self.unit()]


AUTO_FACTORS = (0.7, 0.85, 1.0, 1.2, 1.4, 1.65, 1.95, 2.4)
SMALLEST_RADIUS = 2.0
"""Pixels; smaller circles depend on where in a pixel the star falls."""
