"""
Aperture photometry for a TOM: light curves with honest errors.

The way of one run, each module needing only those above it::

    errors       what is wrong with a file or a run, in words
    flags        what is wrong with a point, in bits
    target       a place on the sky that may move
    times        header cards -> middle of the exposure, site, airmass, BJD_TDB
    frames       a FITS file -> one checked image, its mask and its facts
    settings     what a person can choose
    apertures    places on an image -> centres, widths, fluxes, sky
    detection    an image -> its sources
    alignment    the reference's stars on another frame
    field        the reference frame, the target and its comparison stars
    cosmics      light in an aperture that is not the star's
    forced       one frame -> all stars measured (pure; runs in worker processes)
    ensemble     comparison stars -> a zero point for each frame
    lightcurve   all frames -> one light curve with errors and flags
    series       files -> light curves, one for each filter
    catalogue    one frame -> all its sources
    tables       results -> tables with units
    plots        results -> pictures
    parameters   what a person can choose, as Django forms
    pipelines    the classes a TOM sees

Only the last two know Django, and only the last knows the core.
Pixel coordinates are 0-based (x, y); sky coordinates are ICRS degrees.
"""

__version__ = "0.1.0"
