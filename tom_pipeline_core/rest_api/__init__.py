"""
The pages' work for programs, below ``/api/pipelines/`` on the TOM's own router.

Nothing is decided here: what may be seen comes from ``permissions``, what may be run from
``submission`` and the pipeline's own form. These modules turn requests into calls of those, and
answers into JSON.
"""
