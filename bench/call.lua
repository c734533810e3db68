-- What does one caller send, and what comes of it? The request that wrk repeats, and one line of results.
--
-- A tools/call with a bearer, of revision 2026-07-28, or of 2025-11-25 where there is a session; everything comes from the environment, so that
-- no token is in an argument.

wrk.method = "POST"
wrk.body = os.getenv("BENCH_BODY")
wrk.headers["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN")
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Accept"] = "application/json, text/event-stream"

local session = os.getenv("BENCH_SESSION") or ""
if session == "" then
  wrk.headers["MCP-Protocol-Version"] = "2026-07-28"
  wrk.headers["Mcp-Method"] = "tools/call"
  wrk.headers["Mcp-Name"] = "echo"
else
  wrk.headers["MCP-Protocol-Version"] = "2025-11-25"
  wrk.headers["Mcp-Session-Id"] = session
end

-- requests, microseconds, p50 and p99 in microseconds, answers that were no 2xx or 3xx, connections that failed
function done(summary, latency, _)
  local errors = summary.errors
  io.write(string.format("result\t%d\t%d\t%d\t%d\t%d\t%d\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), errors.status, errors.connect + errors.read + errors.write + errors.timeout))
end
