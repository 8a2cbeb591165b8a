-- Prints wrk's figures as one line of JSON, the last of its output. Times are in microseconds.
-- "latencies" is the whole distribution: pairs of a value and how often it came.
done = function(summary, latency, requests)
  local e, pairs = summary.errors, {}
  for i = 1, #latency do
    pairs[i] = string.format("[%d, %d]", latency(i))
  end
  io.write(string.format(
    '\n{"requests": %d, "bytes": %d, "duration_us": %d, "latencies": [%s], ' ..
    '"errors": {"connect": %d, "closed": %d, "write": %d, "status": %d, "timeout": %d}}\n',
    summary.requests, summary.bytes, summary.duration, table.concat(pairs, ", "),
    e.connect, e.read, e.write, e.status, e.timeout))
end
