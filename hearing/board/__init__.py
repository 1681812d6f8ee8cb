"""The board: the latest value per name, with a lifetime. `base` is the seam; `memory` serves one machine."""
