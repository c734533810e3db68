# What does crossing the eras cost? Medians of the rounds, and what is left of the throughput of those that need not cross.
#
# Input, by tabs: connections pair round requests microseconds p50 p99 ticks (CPU of the door)
# Variable: ticks_per_second. A pair is the caller's era and the server's: legacy_modern.

BEGIN { FS = "\t" }

{
  if (!($1 in known)) { known[$1] = 1; cells[++cell_count] = $1 }
  at = $1 SUBSEP $2
  count = ++rounds[at]
  rate[at, count] = $4 * 1e6 / $5
  middle[at, count] = $6
  tail[at, count] = $7
  requests[at] += $4
  ticks[at] += $8
}

END {
  split("modern_modern legacy_legacy legacy_modern modern_legacy", pairs, " ")
  for (number = 1; number <= cell_count; number++) show_cell(cells[number])
}

function show_cell(cell,    number, pair, at, figures) {
  printf "\n%s\n", cell == 1 ? "1 connection" : cell " connections"
  printf "  %-18s %12s %9s %9s %16s\n", "caller -> server", "requests/s", "p50 us", "p99 us", "CPU us/request"
  for (number = 1; number <= 4; number++) {
    pair = pairs[number]
    at = cell SUBSEP pair
    figures[pair] = median(rate, at)
    printf "  %-18s %12.0f %9.0f %9.0f %16.1f\n", arrow(pair), figures[pair], median(middle, at), median(tail, at), ticks[at] / ticks_per_second * 1e6 / requests[at]
  }
  show_ratio("legacy_modern", figures["legacy_modern"], figures["legacy_legacy"], figures["modern_modern"])
  show_ratio("modern_legacy", figures["modern_legacy"], figures["modern_modern"], figures["legacy_legacy"])
}

# The faster of the two that need not cross decides.
function show_ratio(pair, crossed, of_caller, of_server,    faster) {
  faster = of_caller
  if (of_server > faster) faster = of_server
  printf "  %s: %.2f of the same caller in its own era, %.2f of the same server in its own  [goal >= 0.60: %s]\n", arrow(pair),
    crossed / of_caller, crossed / of_server, (crossed / faster >= 0.6) ? "met" : "MISSED"
}

function arrow(pair,    parts) {
  split(pair, parts, "_")
  return parts[1] " -> " parts[2]
}

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
