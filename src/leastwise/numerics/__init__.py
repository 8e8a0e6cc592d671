"""Plain numerics: factorisations, double-double arithmetic, threads; no model is known here."""
