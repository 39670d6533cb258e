"""How SQLite must be set so that pages and workers can write at the same time."""

from __future__ import annotations

from django.db import connection

from tom_pipeline_core.faults import Fault, check_id

LEAST_TIMEOUT = 10.0  # seconds; a batch of log lines of a busy worker takes a fraction of one
HINT = (
    "DATABASES['default']['OPTIONS'] = {'timeout': 20, 'transaction_mode': 'IMMEDIATE', "
    "'init_command': 'PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;'}"
)


def faults() -> list[Fault]:
    """Return what the settings lack; nothing for other databases."""
    if connection.vendor != "sqlite":
        return []
    options = connection.settings_dict.get("OPTIONS", {})
    lacking = []
    if str(options.get("transaction_mode", "")).upper() not in ("IMMEDIATE", "EXCLUSIVE"):
        lacking.append("begins transactions without a lock to write")
    if "journal_mode=wal" not in str(options.get("init_command", "")).lower().replace(" ", ""):
        lacking.append("does not use a write-ahead log")
    if float(options.get("timeout", 5)) < LEAST_TIMEOUT:
        lacking.append(f"gives up waiting for a lock before {LEAST_TIMEOUT:g} seconds")
    if not lacking:
        return []
    return [
        Fault(
            id=check_id("W041"),
            what=(
                f"This site's SQLite {', and '.join(lacking)}: pages and workers that write at "
                "the same time will get 'database is locked'."
            ),
            where=str(connection.settings_dict["NAME"]),
            hint=HINT,
        )
    ]
