"""`python -m hearing`."""

from hearing.cli import main

main()
