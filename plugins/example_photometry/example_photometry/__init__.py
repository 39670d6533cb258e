"""
Aperture photometry for a TOM: light curves with honest errors.

The way of one run, each module needing only those above it::

    errors       what is wrong with a file, in words
    flags        what is wrong with a point, in bits
    times        header cards -> middle of the exposure, site, airmass, BJD_TDB
    frames       a FITS file -> one checked image, its mask and its facts
    apertures    positions on an image -> fluxes, sky, widths
    plots        tables -> pictures
    pipelines    the classes a TOM sees; the only module that knows Django and the core

Pixel coordinates are 0-based (x, y); sky coordinates are ICRS degrees.
"""

__version__ = "0.1.0"
