"""Other predictors of an engine's speed, for `rorqual recommend --oracle`."""
