"""How often one user may ask; sites set the rates as for the rest of their API."""

from __future__ import annotations

import time
from typing import Any

from django.core.cache import cache
from rest_framework.settings import api_settings
from rest_framework.throttling import BaseThrottle, SimpleRateThrottle

DEFAULT_RATES = {"pipelines": "3000/min", "pipelines-submit": "120/min"}


class FixedWindow(BaseThrottle):
    """
    Count requests of a user per window of time.

    REST framework's own throttles keep the time of each request: with a rate that allows many
    processes to be followed, every poll would read and write a list of thousands of numbers.

    ``REST_FRAMEWORK['DEFAULT_THROTTLE_RATES']`` sets the rates by scope; None switches one off.
    """

    scope = "pipelines"

    def __init__(self) -> None:
        self.left = 0.0

    def allow_request(self, request: Any, view: Any) -> bool:
        rate = api_settings.DEFAULT_THROTTLE_RATES.get(self.scope, DEFAULT_RATES[self.scope])
        number, seconds = SimpleRateThrottle.parse_rate(None, rate)
        if not number or not seconds:
            return True
        now = time.time()
        window = int(now // seconds)
        self.left = (window + 1) * seconds - now
        key = f"tom_pipeline_core:{self.scope}:{request.user.pk}:{window}"
        if cache.add(key, 1, timeout=seconds * 2):
            return True
        try:
            return bool(cache.incr(key) <= number)
        except ValueError:  # dropped from the cache between the two calls
            return True

    def wait(self) -> float:
        return self.left


class SubmitWindow(FixedWindow):
    """For requests that make processes."""

    scope = "pipelines-submit"
