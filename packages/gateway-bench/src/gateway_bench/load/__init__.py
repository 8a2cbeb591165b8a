"""Visitors and what drives them: scenarios, protocols, generators."""
