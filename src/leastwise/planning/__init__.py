"""Memory, passes, flops and seconds of each solver before anything runs, and which `auto` takes."""

from leastwise.planning.choosing import (
    Choice,
    amount,
    candidates,
    choose,
    memory_allowed,
    seconds,
)
from leastwise.planning.speed import Speed, measured
from leastwise.planning.table import Plan, Row, plan_of

__all__ = [
    "Choice",
    "Plan",
    "Row",
    "Speed",
    "amount",
    "candidates",
    "choose",
    "measured",
    "memory_allowed",
    "plan_of",
    "seconds",
]
