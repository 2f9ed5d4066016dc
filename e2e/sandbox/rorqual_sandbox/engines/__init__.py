"""What runs in place of a container image."""
