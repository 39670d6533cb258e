"""
Discover, run, supervise and trace data pipelines inside a TOM.

The way of one process, each file ending where the next begins::

    web/          a person chooses files, a pipeline and parameters
    submission    the one door in: permission, validation, one row, a push on commit
    queues        Huey carries a primary key; the row is the truth
    supervisor    claims the row, starts the run, renews the lease, records how it ended
    executors/    where the run executes: this process, a guarded child, a cluster
    runner/       loads the class, brings the inputs, calls ``do_pipeline``
    saving/       outputs and the state ``succeeded`` in one transaction

Authors import from :mod:`tom_pipeline_core.models` and :mod:`tom_pipeline_core.outputs`.
Nothing is imported here: entry points load before Django's apps are ready.
"""

__version__ = "0.1.0"
