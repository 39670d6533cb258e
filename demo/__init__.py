"""A TOM to look at: ``make demo``. Everything it writes is below ``demo/data``."""

LOGIN, PASSWORD = "demo", "stars"
