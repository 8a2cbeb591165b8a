"""Starts gateways, loads them, samples them, repeats, charts and reports."""
