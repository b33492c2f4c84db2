"""What is known of a network's signals, and how it is written: paths, traces, probes."""
