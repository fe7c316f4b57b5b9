"""sigconv beside its peers: the same arrays, in turns, in one run."""
