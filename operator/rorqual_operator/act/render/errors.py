"""What a spec can ask for that no manifest can be made of."""


class RenderError(ValueError):
    """The spec is valid by its schema but cannot be rendered; the message names the field and what to do."""
