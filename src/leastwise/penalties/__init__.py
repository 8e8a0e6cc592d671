"""The penalties, by name."""

from leastwise.penalties.base import Penalty
from leastwise.penalties.elastic_net import EXCLUDED, ElasticNet, box, conjugates, soft_threshold
from leastwise.penalties.group import GroupElasticNet

PENALTIES: dict[str, type[ElasticNet]] = {
    ElasticNet.name: ElasticNet,
    GroupElasticNet.name: GroupElasticNet,
}

__all__ = [
    "EXCLUDED",
    "PENALTIES",
    "ElasticNet",
    "GroupElasticNet",
    "Penalty",
    "box",
    "conjugates",
    "soft_threshold",
]
