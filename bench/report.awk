# What came of it? Medians of the rounds, and the goals beside them.
#
# Input, by tabs: body connections target round requests microseconds p50 p99 ticks (CPU of the proxy; - for none)
# Variables: ticks_per_second, disturbance (per cent of all cores that other programs took), and start_ms, start_cpu_ms, idle_kib, peak_kib, nginx_peak_kib, binary_bytes measured elsewhere.

BEGIN { FS = "\t" }

{
  cell = $1 SUBSEP $2
  if (!(cell in known)) { known[cell] = 1; cells[++cell_count] = cell }
  at = cell SUBSEP $3
  count = ++rounds[at]
  rate[at, count] = $5 * 1e6 / $6
  middle[at, count] = $7
  tail[at, count] = $8
  requests[at] += $5
  if ($9 != "-") ticks[at] += $9
}

END {
  split("direct nginx door", targets, " ")
  for (number = 1; number <= cell_count; number++) show_cell(cells[number])
  show_rest()
}

function show_cell(cell,    parts, name, at, index_of, figures, ratio, cpu_ratio) {
  split(cell, parts, SUBSEP)
  printf "\n%s-byte body, %s\n", parts[1], parts[2] == 1 ? "1 connection" : parts[2] " connections"
  printf "  %-8s %12s %9s %9s %16s\n", "", "requests/s", "p50 us", "p99 us", "CPU us/request"
  for (index_of = 1; index_of <= 3; index_of++) {
    name = targets[index_of]
    at = cell SUBSEP name
    figures[name, "rate"] = median(rate, at)
    figures[name, "tail"] = median(tail, at)
    figures[name, "cpu"] = (at in ticks) ? ticks[at] / ticks_per_second * 1e6 / requests[at] : 0
    printf "  %-8s %12.0f %9.0f %9.0f %16s\n", name, figures[name, "rate"], median(middle, at), figures[name, "tail"],
      figures[name, "cpu"] ? sprintf("%.1f", figures[name, "cpu"]) : "-"
  }
  ratio = figures["door", "rate"] / figures["nginx", "rate"]
  cpu_ratio = figures["door", "cpu"] ? figures["nginx", "cpu"] / figures["door", "cpu"] : 0
  printf "  door/nginx: %.2f of its requests/s%s, %.2f of its requests per second of CPU\n", ratio,
    parts[2] == 1 ? "" : goal(ratio >= 0.8, ">= 0.80"), cpu_ratio
  if (parts[2] == 1) {
    printf "  p99 added to direct: door %.0f us%s, nginx %.0f us\n", figures["door", "tail"] - figures["direct", "tail"],
      goal(figures["door", "tail"] - figures["direct", "tail"] <= 150, "<= 150 us"), figures["nginx", "tail"] - figures["direct", "tail"]
  }
}

function show_rest() {
  if (disturbance > 5) {
    printf "\nOther programs took %d %% of the CPU meanwhile: requests/s and waiting times are worth little, CPU us/request still something.\n", disturbance
  }
  printf "\nthe door itself\n"
  printf "  start to first /health 200: %.1f ms, %.1f ms of CPU%s\n", start_ms, start_cpu_ms, goal(start_ms <= 30, "<= 30 ms")
  printf "  resident memory, idle:      %.1f MiB%s\n", idle_kib / 1024, goal(idle_kib <= 15 * 1024, "<= 15 MiB")
  printf "  resident memory, peak:      %.1f MiB (nginx's worker: %.1f MiB)\n", peak_kib / 1024, nginx_peak_kib / 1024
  printf "  binary:                     %.1f MiB\n", binary_bytes / 1048576
}

function goal(met, text) { return sprintf("  [goal %s: %s]", text, met ? "met" : "MISSED") }

# The middle value; awk's own sort is not everywhere, and the rounds are few.
function median(values, at,    sorted, total, left, right, held) {
  total = rounds[at]
  for (left = 1; left <= total; left++) {
    held = values[at, left]
    for (right = left - 1; right >= 1 && sorted[right] > held; right--) sorted[right + 1] = sorted[right]
    sorted[right + 1] = held
  }
  return total % 2 ? sorted[(total + 1) / 2] : (sorted[total / 2] + sorted[total / 2 + 1]) / 2
}
