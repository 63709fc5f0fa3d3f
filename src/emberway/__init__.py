"""Emberway: a self-hosted AI gateway that speaks Portkey's wire protocol."""

__version__ = "0.1.0"
