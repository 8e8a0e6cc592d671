"""The compiled loops (Numba), imported only where needed; each has a NumPy twin in the tests."""
