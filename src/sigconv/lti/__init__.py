"""Linear time-invariant systems: superposition, and checks of black boxes."""
