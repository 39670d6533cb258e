"""A site's own rules for pipelines. Nothing is imported here."""
