"""The scikit-learn faces, and the functions that take arrays, frames and tables as they do."""
