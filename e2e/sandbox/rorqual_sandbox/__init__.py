"""A real Kubernetes control plane without containers, for trying Rorqual and testing it end to end."""
