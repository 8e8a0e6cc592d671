"""Ours and every peer that can be installed, on the same problems, judged by one evaluator."""
