"""Lessons, documents, museum and the last report as a folder of files that needs no server and no network."""

from lesson_kit.site.freeze import build_site

__all__ = ["build_site"]
