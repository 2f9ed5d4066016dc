"""The one process that owns a sandbox."""
