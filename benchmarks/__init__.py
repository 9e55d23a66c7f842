"""Measurements: speed, memory, and the comparison of methods on real data."""

import os

# before torch is imported: threads that wait by spinning make a busy machine many times slower, as isogloss.cli says
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
