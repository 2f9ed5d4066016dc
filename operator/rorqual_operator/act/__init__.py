"""Acting: manifests by server-side apply, replicas, status with conditions, Events."""
