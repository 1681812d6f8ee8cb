"""Keep copies of a data folder, without the keys of what participants sent, and bring one back."""
