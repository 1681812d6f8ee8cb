"""The store: media bytes by name and range. `base` is the seam; `folder` keeps them in files."""
