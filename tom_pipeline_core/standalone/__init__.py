"""
A throw-away TOM: a pipeline runs on files with no server, no project and no settings.

:func:`start` sets Django up, once in an interpreter; :func:`run` is submission, supervisor and
runner as in production, with the executor that works in the calling thread::

    with standalone.start():
        result = standalone.run('aperture', [Path('frame.fits')], ra=31.04, dec=46.69)
        result.outputs['aperture_table.csv']

Nothing of Django is imported before :func:`start`.
"""

from tom_pipeline_core.standalone.run import Result, run
from tom_pipeline_core.standalone.site import register, start

__all__ = ["Result", "register", "run", "start"]
