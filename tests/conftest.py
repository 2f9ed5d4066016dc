"""For every test: how long an example takes is no matter of right or wrong."""

from hypothesis import settings

settings.register_profile("rorqual", deadline=None)
settings.load_profile("rorqual")
