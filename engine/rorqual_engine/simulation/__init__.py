"""A fleet in simulated time: traces, engines, peers' policies and the operator's own `decide`, scored alike."""
