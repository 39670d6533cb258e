"""
FITS frames become a moving picture, one frame in memory at a time.

Plain numpy, astropy and ffmpeg: neither Django nor the core is needed here.
"""
