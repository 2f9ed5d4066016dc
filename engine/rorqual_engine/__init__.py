"""Rorqual's decisions: what to run, how healthy it is, how many. Pure: no I/O, no clock, no global randomness."""
