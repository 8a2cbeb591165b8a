"""Sockets, threads and processes of every gateway: engine, master, scoreboard, events, loader."""
