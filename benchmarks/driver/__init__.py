"""The benchmark driver: processes, peers, rows of the table, and the report."""
