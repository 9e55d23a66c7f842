"""Evaluation: scores with bootstrap intervals, results with provenance, comparisons of runs, reports."""
