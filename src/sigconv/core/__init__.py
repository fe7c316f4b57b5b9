"""The vocabulary: shapes, dtypes, boundaries, problems and blocks; no FFT and no files."""
