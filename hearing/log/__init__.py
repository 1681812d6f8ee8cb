"""The log: the one place facts live. `base` is the seam; a module per implementation."""
