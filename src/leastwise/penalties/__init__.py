"""The penalties, by name."""

from leastwise.penalties.base import Penalty
from leastwise.penalties.elastic_net import ElasticNet, soft_threshold

PENALTIES: dict[str, type[Penalty]] = {ElasticNet.name: ElasticNet}

__all__ = ["PENALTIES", "ElasticNet", "Penalty", "soft_threshold"]
