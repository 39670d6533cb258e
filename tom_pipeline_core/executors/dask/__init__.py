"""
Runs on a Dask cluster (extra ``[dask]``).

::

    supervisor -- executor, handle --> scheduler --> worker: remote.supervise --> guard --> run

Dask only places a run: on the machine that it chooses, the same guard watches over the same child
process as in ``child_process``. Dask by itself neither ends a running task that is cancelled, nor
keeps from starting a task a second time when a worker dies. So orders go to the guard, a run takes
a ticket at the scheduler before it starts, and a run nobody renews ends with its lease.

What the cluster needs: one database and one file storage that all machines reach (no SQLite), and
this package with the site's settings importable on the workers. They need no Django of their own.
"""

from tom_pipeline_core.executors.dask.executor import DaskExecutor

__all__ = ["DaskExecutor"]
