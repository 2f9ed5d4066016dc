"""Observing: cluster state by own reflectors, metrics by two sources, all normalised before it leaves this room."""
