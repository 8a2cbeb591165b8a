"""From the record to what people read: words, charts, a page."""
