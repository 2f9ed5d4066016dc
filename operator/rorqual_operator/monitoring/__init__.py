"""What the operator says of itself, and the dashboards and alerts made from it."""
