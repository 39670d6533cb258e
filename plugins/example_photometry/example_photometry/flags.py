"""What is wrong with a point, in bits."""

from __future__ import annotations

from enum import IntFlag


class Flag(IntFlag):
    """Reasons to distrust a measurement; 0 is a good one."""

    EDGE = 1
    """The aperture or the sky ring leaves the image."""

    SATURATED = 2
    """A pixel in the aperture is saturated or beyond the linear range."""

    MASKED = 4
    """Blank or bad pixels lie inside the aperture."""

    BLENDED = 8
    """A neighbour's light is inside the aperture."""

    FORCED = 16
    """No centre was found: measured at the predicted position."""

    FEW_COMPARISONS = 32
    """Fewer comparison stars than asked for."""

    COSMIC_RAY = 64
    """The light is not distributed as in the other stars of the frame."""

    OUTLIER = 128
    """Far from its neighbours in time."""

    WCS_SUSPECT = 256
    """The header's WCS was off or failed: the frame was aligned by its stars."""

    TIME_COARSE = 512
    """Time or place is known with reduced accuracy."""

    NO_GAIN = 1024
    """Without a gain the star's own noise is left out of the error."""


UNUSABLE = Flag.EDGE | Flag.SATURATED | Flag.MASKED | Flag.BLENDED
"""A magnitude with one of these is wrong; it is kept in the table but not sent to the TOM."""

INFORMATION = Flag.TIME_COARSE | Flag.NO_GAIN
"""These say something about the frame and do not make a point worse than the others."""


def names(flags: int) -> str:
    """The names of the bits that are set, lower case, joined by commas."""
    return ",".join(str(flag.name).lower() for flag in Flag if flags & flag)
