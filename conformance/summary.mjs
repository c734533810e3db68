// What did the harness find? Sums up its result folders, and compares two such sums.
//
//   summary.mjs write PEERS FOLDER SUMMARY [ROLE]     FOLDER/<run>/<role>-<scenario>-<time>/checks.json → SUMMARY;
//                                                     ROLE is whom the scenarios test: server, unless `client` is said
//   summary.mjs check SUMMARY                         fails when a scored scenario fails
//   summary.mjs spotless SUMMARY [OUTCOME...]         fails when any check, scored or not, fails, warns or is skipped; these do not count
//   summary.mjs compare PEERS BASE SUMMARY EXPECTED [RUN]
//                                                     fails when SUMMARY is not as BASE, except as EXPECTED says; in RUN only, where one is named
//
// A summary is {run: {scenario: {scored, checks: {id: outcome}}}}. A check that is reported several times is told
// apart by a number: `id`, `id #2`, `id #3`.
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";

const OUTCOMES = { FAILURE: "failed", WARNING: "warning", SKIPPED: "skipped", SUCCESS: "passed", INFO: "info" };
const MISSING = "missing";

function write(peers, folder, file, role = "server") {
  const summary = {};
  for (const run of readdirSync(folder).filter((name) => !name.endsWith(".log")).sort()) {
    const scored = scoredScenarios(peers, run, role);
    const scenarios = (summary[run] = {});
    for (const name of scenarioFolders(path.join(folder, run))) {
      const scenario = name.replace(/^(authorization-)?server-/, "").replace(/-\d{4}-\d\d-\d\dT[\d-]+Z$/, "");
      const checks = JSON.parse(readFileSync(path.join(folder, run, name, "checks.json"), "utf8"));
      scenarios[scenario] = { scored: scored === null || scored.has(scenario), checks: outcomesById(checks) };
    }
    for (const scenario of scored ?? []) scenarios[scenario] ??= { scored: true, checks: {} };
  }
  writeFileSync(file, JSON.stringify(summary, null, 2) + "\n");
  for (const [run, scenarios] of Object.entries(summary)) console.log(line(run, scenarios));
}

// Some scenarios have a family, and stand in its folder.
function scenarioFolders(folder) {
  return readdirSync(folder, { recursive: true })
    .filter((name) => path.basename(name) === "checks.json")
    .map((name) => path.dirname(name))
    .sort();
}

function check(file) {
  const summary = read(file);
  const faults = scoredFaults(summary);
  if (Object.keys(summary).length === 0) faults.push("no run left a result");
  report(faults);
}

function spotless(file, ...ignored) {
  const summary = read(file);
  const faults = scoredFaults(summary);
  for (const [run, scenarios] of Object.entries(summary)) {
    for (const [scenario, { checks }] of Object.entries(scenarios)) {
      for (const [id, outcome] of Object.entries(checks)) {
        if (["failed", "warning", "skipped"].includes(outcome) && !ignored.includes(outcome)) faults.push(`${run} ${scenario} ${id}: ${outcome}`);
      }
    }
  }
  if (Object.keys(summary).length === 0) faults.push("no run left a result");
  report(faults);
}

function compare(peers, base, file, expectedFile, run) {
  const [before, after] = [read(base), read(file)].map((summary) => (run ? { [run]: summary[run] ?? {} } : summary));
  const expected = expectations(peers, expectedFile);
  const faults = [];
  for (const difference of differences(before, after)) {
    const entry = expected.find((entry) => entry.key === difference.key && entry.outcome === difference.is);
    if (entry) entry.used = true;
    // The harness warns of what took too long; on a busy machine that may be the fixture alone.
    else if (difference.was === "warning" && difference.is === "passed") console.log(`  (slow without the door: ${difference.key})`);
    else faults.push(`${difference.key}: ${difference.was} without the door, ${difference.is} with it`);
  }
  for (const fault of scoredFaults(after)) {
    if (!expected.some((entry) => entry.used && fault.startsWith(entry.key + ":"))) faults.push(fault);
  }
  for (const entry of expected.filter((entry) => !entry.used)) {
    faults.push(`${entry.key}: expected to be ${entry.outcome} (${entry.reason}), but it is not: take the entry out`);
  }
  report(faults);
}

function report(faults) {
  for (const fault of new Set(faults)) console.log(`  ✗ ${fault}`);
  if (faults.length > 0) process.exit(1);
}

// Every check of every scored scenario that did not pass.
function scoredFaults(summary) {
  const faults = [];
  for (const [run, scenarios] of Object.entries(summary)) {
    if (Object.keys(scenarios).length === 0) faults.push(`${run}: no scenario left a result`);
    for (const [scenario, { scored, checks }] of Object.entries(scenarios)) {
      if (!scored) continue;
      if (!Object.values(checks).includes("passed")) faults.push(`${run} ${scenario}: nothing passed`);
      for (const [id, outcome] of Object.entries(checks)) {
        if (outcome === "failed") faults.push(`${run} ${scenario} ${id}: failed`);
      }
    }
  }
  return faults;
}

function* differences(before, after) {
  for (const run of union(before, after)) {
    for (const scenario of union(before[run] ?? {}, after[run] ?? {})) {
      const [was, is] = [before, after].map((summary) => summary[run]?.[scenario]?.checks ?? {});
      for (const id of union(was, is)) {
        // What is only told, not judged, may differ.
        const [one, other] = [was[id] ?? MISSING, is[id] ?? MISSING];
        if (one === other || ![one, other].some((outcome) => outcome !== "info" && outcome !== MISSING)) continue;
        yield { key: `${run} ${scenario} ${id}`, was: one, is: other };
      }
    }
  }
}

function expectations(peers, file) {
  if (!existsSync(file)) return [];
  const { parse } = createRequire(path.join(peers, "package.json"))("yaml");
  return (parse(readFileSync(file, "utf8")) ?? []).flatMap(({ run, scenario, check, outcome, reason }) => {
    const checks = [check].flat();
    if (checks.length === 0 || ![run, scenario, ...checks, outcome, reason].every((text) => typeof text === "string" && text !== "")) {
      throw new Error(`${file}: every entry needs run, scenario, check (one or several), outcome and reason, all of them texts`);
    }
    return checks.map((check) => ({ key: `${run} ${scenario} ${check}`, outcome, reason, used: false }));
  });
}

// The scenarios that a revision requires; null when there is no list, and all of them count.
function scoredScenarios(peers, run, role) {
  const file = path.join(peers, "node_modules/@modelcontextprotocol/conformance/requirements", `${run}.yaml`);
  if (!existsSync(file)) return null;
  const { parse } = createRequire(path.join(peers, "package.json"))("yaml");
  return new Set(parse(readFileSync(file, "utf8"))[role]);
}

function outcomesById(checks) {
  const [outcomes, seen] = [{}, {}];
  for (const { id, status } of checks) {
    seen[id] = (seen[id] ?? 0) + 1;
    outcomes[seen[id] === 1 ? id : `${id} #${seen[id]}`] = OUTCOMES[status] ?? "failed";
  }
  return outcomes;
}

function line(run, scenarios) {
  const all = Object.values(scenarios);
  const passes = ({ checks }) => Object.values(checks).includes("passed") && !Object.values(checks).includes("failed");
  const count = (outcome) => all.flatMap(({ checks }) => Object.values(checks)).filter((other) => other === outcome).length;
  const scored = all.filter(({ scored }) => scored);
  return `  ${run}: ${scored.filter(passes).length} of ${scored.length} scored scenarios, ` +
    `${count("passed")} checks passed, ${count("failed")} failed, ${count("warning")} warnings`;
}

function union(one, other) {
  return [...new Set([...Object.keys(one), ...Object.keys(other)])].sort();
}

function read(file) {
  return JSON.parse(readFileSync(file, "utf8"));
}

const [command, ...operands] = process.argv.slice(2);
({ write, check, spotless, compare })[command](...operands);
