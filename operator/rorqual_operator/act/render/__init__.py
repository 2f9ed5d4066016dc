"""From a spec and a configuration to manifests. Pure: no Kubernetes client, no clock, no state."""

from rorqual_operator.act.render.children import Capabilities, render
from rorqual_operator.act.render.configuration import read_configuration
from rorqual_operator.act.render.errors import RenderError
from rorqual_operator.act.render.identity import Owner, pod_selector

__all__ = ["Capabilities", "Owner", "RenderError", "pod_selector", "read_configuration", "render"]
