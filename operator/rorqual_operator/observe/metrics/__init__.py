"""Engine metrics: two sources behind one Protocol, one normalised schema."""
