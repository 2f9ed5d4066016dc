"""Where engine pods are reached."""

PORT = 8000
PORT_NAME = "http"
