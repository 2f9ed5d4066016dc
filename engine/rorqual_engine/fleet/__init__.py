"""What many services share: the GPUs, and who gets them."""

from rorqual_engine.fleet.arbitration import Claim, Grant, arbitrate
from rorqual_engine.fleet.inventory import Inventory, Stock

__all__ = ["Claim", "Grant", "Inventory", "Stock", "arbitrate"]
