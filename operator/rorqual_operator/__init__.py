"""The shell around the decisions: observes a cluster, has the engine decide, carries it out."""
