"""Mixed load for a long time, with every byte checked: what `benchmarks/soak` is made of."""
