"""What can go wrong in the demo.

DemoError
├── TraceError          a trace file that cannot be read, or a stretch that it does not hold
├── TargetError         an address that is not loopback
├── NotReadyError       the LLMService did not come up in time
└── OperatorError       the operator's process ended unasked
"""


class DemoError(Exception):
    """Base of every error that the demo raises; its text tells what to do."""


class TraceError(DemoError):
    """A trace cannot be read or is too short."""


class TargetError(DemoError):
    """Load was about to be sent to an address outside this machine."""


class NotReadyError(DemoError):
    """The LLMService did not become ready in time."""


class OperatorError(DemoError):
    """The operator's process ended unasked."""
