"""Names of files as the Las Cumbres Observatory writes them."""

RAW_FILE_EXTENSION = "e00.fits.fz"
