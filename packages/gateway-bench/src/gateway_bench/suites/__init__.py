"""The suites: what the bench can be asked. See `gateway_bench.suites.suite` for what one is made of."""
