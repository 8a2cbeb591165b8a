"""From raw figures to the record, and from one record to another."""
