"""Look at a machine: whether it can serve meetings, and what to mend."""
