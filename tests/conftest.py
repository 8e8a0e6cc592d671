"""Settings that every test runs under."""

from hypothesis import settings

# The time that one example takes says more about the machine than about the code; and a run that
# fails must fail again.
settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")
