"""What can go wrong in the sandbox.

SandboxError
├── ToolchainMissingError     no Go, no network to fetch one
├── OpensslMissingError       no openssl on PATH
├── BuildFailedError          the Go build ended with an error
│   └── DownloadFailedError   its modules could not be had
├── AlreadyRunningError       `up` of a name that is up
├── NotRunningError           an operation on a sandbox that is down
├── ComponentFailedError      a component did not become healthy, or an unknown component was named
├── EngineUnavailableError    an engine pod has no process (or real vLLM could not be installed)
└── ProviderUnavailableError  kind or Docker is missing
"""


class SandboxError(Exception):
    """Base of every error that the sandbox raises; its text tells what to do."""


class ToolchainMissingError(SandboxError):
    """No usable Go toolchain."""


class OpensslMissingError(SandboxError):
    """No openssl to make keys with."""


class BuildFailedError(SandboxError):
    """The binaries could not be built."""


class DownloadFailedError(BuildFailedError):
    """The modules of the build could not be downloaded."""


class AlreadyRunningError(SandboxError):
    """A sandbox of this name is up."""


class NotRunningError(SandboxError):
    """No sandbox of this name is up."""


class ComponentFailedError(SandboxError):
    """A component died, did not become healthy in time, or does not exist."""


class EngineUnavailableError(SandboxError):
    """An engine cannot be run or reached."""


class ProviderUnavailableError(SandboxError):
    """What `--provider kind` needs is not there."""
