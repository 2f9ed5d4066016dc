"""Looking for anomalies in a recorded history, offline."""
