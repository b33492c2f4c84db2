"""`python -m archc` is the command line, for where no `archc` is on the path."""

from archc.cli import main

main()
