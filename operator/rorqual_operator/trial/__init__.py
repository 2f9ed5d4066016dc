"""A calibration run: a short sweep of loads with guidellm against one replica, as a process here or as a Job there."""
