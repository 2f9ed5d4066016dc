"""LLMService v1alpha1: the only source of the CRD, of its reference page and of every default."""

from rorqual_engine.api.spec import LLMServiceSpec
from rorqual_engine.api.status import LLMServiceStatus

GROUP = "rorqual.io"
VERSION = "v1alpha1"
KIND = "LLMService"
PLURAL = "llmservices"
API_VERSION = f"{GROUP}/{VERSION}"

__all__ = ["API_VERSION", "GROUP", "KIND", "PLURAL", "VERSION", "LLMServiceSpec", "LLMServiceStatus"]
