"""Mean lengths of requests as a policy measures them."""

from rorqual_engine.simulation.history import History
from rorqual_engine.simulation.policy import Facts


def mean_lengths(history: History, seconds: float, facts: Facts) -> tuple[float, float]:
    """Tokens of a prompt and of an answer over the last `seconds`; as the owner expects where none was measured."""
    window = history.window(seconds)
    prompt, answer = window.input_tokens, window.output_tokens
    return facts.input_tokens if prompt is None else prompt, facts.output_tokens if answer is None else answer
