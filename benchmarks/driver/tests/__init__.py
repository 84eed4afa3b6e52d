"""Tests of the driver's own judgement: `python3 -m unittest discover -t benchmarks -s benchmarks/driver/tests`."""
