"""Peers' scaling policies, restated one a file, each with its source."""
