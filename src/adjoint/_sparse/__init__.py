"""Sparse matrices of derivatives: patterns, colourings, compression.  Pure combinatorics: nothing here knows of derivatives."""
