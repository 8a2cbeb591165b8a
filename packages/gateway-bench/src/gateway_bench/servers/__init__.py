"""Servers as rows of data: found, started, ended."""
