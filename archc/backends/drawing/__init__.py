"""Pictures of a network, before any format: what is drawn, what is folded, what it is called."""
