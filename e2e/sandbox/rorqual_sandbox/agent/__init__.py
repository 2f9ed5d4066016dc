"""The process agent: plays the kubelet for engine pods, with local processes for containers."""
