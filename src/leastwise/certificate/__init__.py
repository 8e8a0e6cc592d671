"""The certificate: a duality gap that bounds how far any w is from the optimum, whoever found it.

For squared loss with residual r (centred), v = Xc'Sr / W, and the dual point theta = kappa r:

    gap = (1 - kappa)^2 r'Sr / 2W + sum_j [Omega_j(w_j) + Omega_j*(kappa v_j) - kappa w_j v_j]

Every summand is at least zero (Fenchel-Young), so that the gap is computed without cancellation,
from w, v and r'Sr alone: no pass over the data. kappa = 1 where l2 > 0 everywhere, else the
largest feasible scale; the better of the two where both serve (the dual is concave in kappa;
Mairal 2010, section 1.4).

A penalty that joins the outputs has one gap for all of them, with one kappa: the norms of the rows
w_j and v_j stand in the place of w_j and v_j, and what the outputs add is summed.

Columns without any penalty (U) require theta orthogonal to them: r is projected,

    gap = v_U' H_UU^+ v_U / 2  +  gap at the projected residual,   v+ = v - H_:U H_UU^+ v_U,

so that an unpenalised fit's gap is half its squared gradient in the inverse Hessian's norm. Where
the square of U does not fit the memory, the gap holds within a stated box |w_j| <= R_j instead; so
it does for an unpenalised column with a bound on one side.

An exact finish under l1 knows its support A with signs s. There the residual is projected in the
same way, onto v_A = l1_A s_A + l2_A w_A: a scale kappa would charge every coefficient for the
rounding of one column.
"""

from leastwise.certificate.found import BOX, Certificate, Gap, Support
from leastwise.certificate.gaps import gap

__all__ = ["BOX", "Certificate", "Gap", "Support", "gap"]
