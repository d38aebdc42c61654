"""What every test shares: hypothesis profiles, chosen with `--hypothesis-profile`."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

_SLOW_MACHINES = [HealthCheck.too_slow, HealthCheck.data_too_large]

settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=60, suppress_health_check=_SLOW_MACHINES
)
settings.register_profile(
    "dev", deadline=None, max_examples=60, suppress_health_check=_SLOW_MACHINES
)
settings.register_profile(
    "fuzz", deadline=None, max_examples=3000, suppress_health_check=list(HealthCheck)
)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
