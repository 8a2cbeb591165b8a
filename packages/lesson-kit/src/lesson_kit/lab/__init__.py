"""The laboratory: real gateways of this repository, started for an experiment and gone with it."""
