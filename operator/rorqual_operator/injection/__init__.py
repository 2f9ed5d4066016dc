"""Labelled histories of metrics: simulated runs in which one known thing goes wrong."""
