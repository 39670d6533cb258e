"""
Tell people and programs how processes end.

Two hook plugins of the core itself, and examples of such: :mod:`~.email` and :mod:`~.webhook` hear
of a process and leave a row; :mod:`~.outbox`, in every worker, sends what is due and tries again.
"""
