"""Data: readers of raw formats, joins by id, checks, the embedded sample, batches."""
