"""`python -m isogloss`, which launchers of several processes need."""

from isogloss.cli import main

main()
