"""The main job, visible: a sandbox, the operator, a replayed production trace, and a live view of both."""
