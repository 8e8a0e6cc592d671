"""The solvers that are compared, what each can do, and the tolerances it is run at."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.store import Problem

OURS = "leastwise"
# What glmnet and adelie call tolerance is the square of what a gap feels, denser where 1e-5 is met.
DECADES = (1e-8, 1e-10, 1e-11, 1e-12, 5e-13, 1e-13, 1e-14, 1e-16)
MOST_GRAM = 3000  # columns up to which a peer that forms a p × p matrix is run


@dataclass(frozen=True)
class Peer:
    """One line of a plot: a module of `runners`, its environment, tolerances loosest first.

    `quick` holds the tolerances of a quick run, which are to reach 1e-5; `compiled` says that it
    compiles at its first call, `validates` which penalties its cross-validation takes, `gram` that
    it forms a p × p matrix.
    """

    name: str
    module: str
    family: str
    tolerances: tuple[float, ...]
    quick: tuple[float, ...]
    compiled: bool = False
    validates: tuple[str, ...] = ()
    sparse: bool = True
    gram: bool = False

    def refusal(self, problem: Problem) -> str | None:
        """Why this peer does not run on a problem, None where it does."""
        n, p = problem.shape
        spec = problem.spec
        if spec.kind == "cv":
            asked = "ridge" if spec.l1_ratios == (0.0,) else "lasso"
            asked = "net" if len(spec.l1_ratios) > 1 else asked
            return None if asked in self.validates else "no such cross-validation"
        if problem.sparse and not self.sparse:
            return "takes no sparse matrix"
        if self.gram and (p > MOST_GRAM or p > n):
            return f"forms a p × p matrix, and p is {p:,}"
        return None


PEERS: dict[str, Peer] = {
    peer.name: peer
    for peer in (
        Peer(
            OURS,
            "leastwise",
            "leastwise",
            (1e-4, 1e-6, 1e-9),
            (1e-9,),
            compiled=True,
            validates=("ridge", "lasso", "net"),
        ),
        Peer(
            "scikit-learn",
            "scikit_learn",
            "scikit-learn",
            (5e-5, 5e-6, 5e-7, 5e-10),
            (5e-6,),
            validates=("ridge", "lasso", "net"),
        ),
        Peer(
            "celer",
            "celer",
            "celer",
            (5e-5, 5e-6, 1e-6, 1e-7, 5e-10),
            (1e-7,),
            validates=("lasso", "net"),
        ),
        Peer("skglm", "skglm", "skglm", (1e-4, 1e-5, 1e-6, 1e-7, 1e-9), (1e-6,), compiled=True),
        Peer("adelie", "adelie", "adelie", DECADES, (5e-13,)),
        Peer(
            "adelie, Gram",
            "adelie_gram",
            "adelie",
            (1e-8, 1e-9, 1e-10, 1e-12, 1e-14),
            (1e-9,),
            sparse=False,
            gram=True,
        ),
        Peer(
            "glum",
            "glum",
            "glum",
            (1e-4, 1e-5, 1e-6, 1e-8),
            (1e-5,),
            validates=("lasso", "net"),
            gram=True,
        ),
        Peer(
            "glmnet",
            "glmnet.R",
            "R",
            DECADES,
            (5e-13,),
            validates=("lasso", "net"),
        ),
    )
}
