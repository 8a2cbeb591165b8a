"""What a run reads beside the load: processor time, memory, births, the machine."""
