"""Decides where a call goes and whether it goes again: pure, so that every question about it is a short test."""
