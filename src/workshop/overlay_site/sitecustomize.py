"""Imported by Python itself at start (see `workshop.overlay.environment`)."""

from workshop.overlay import install_from_environment

install_from_environment()
