"""How hard the property tests try: HYPOTHESIS_PROFILE=thorough takes minutes, the default seconds.

`ci` tries the same examples each time, so that a change is judged by what it changed; new ones are tried on desks.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("default", max_examples=50, stateful_step_count=25, deadline=None)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile(
    "thorough",
    max_examples=1000,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))
