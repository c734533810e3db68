-- How long does one answer take? A plain GET, and one line: the 50th, 95th and 99th of a hundred, and how many there were.
function done(summary, latency, _)
  local milliseconds = function(part) return latency:percentile(part) / 1000 end
  io.write(string.format("result p50 %.2f ms, p95 %.2f ms, p99 %.2f ms, %d a second, %d errors\n", milliseconds(50), milliseconds(95), milliseconds(99),
    summary.requests * 1000000 / summary.duration, summary.errors.status + summary.errors.connect + summary.errors.read + summary.errors.timeout))
end
