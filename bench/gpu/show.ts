/** The report for a reader: Markdown tables, a section for each phase. */
import { geometricMean } from "../../cli/time/measure.ts";
import { markdownTable, percent, shown } from "./markdown.ts";
import type { PhaseName } from "./options.ts";
import { tilingName } from "../../engine/tuning/table.ts";
import type { Peak } from "./peak.ts";
import { PYTORCH } from "./pytorch.ts";
import type { OpRow, PeerRow, Report } from "./report.ts";

/** The section of a phase; empty where it found nothing. */
export function showPhase(phase: PhaseName, report: Report): string {
  switch (phase) {
    case "machine":
      return machine(report);
    case "pytorch":
      return section("PyTorch", ["case", "ms"], report.peers.map(({ name, ms }) => [name, ms]));
    case "checks":
      return checks(report);
    case "limits":
      return limits(report);
    case "tune":
      return tuning(report);
    case "ops":
      return ops(report);
    case "fused":
      return section(
        "Fused kernels beside plain ones",
        ["fused kernel", "pass", "fused ms", "plain ms", "plain / fused", "dispatches", "plain"],
        report.fused.map((
          r,
        ) => [r.name, r.pass, r.ms, r.plainMs, times(r.plainMs / r.ms), r.dispatches, r.plainDispatches]),
      );
    case "steps":
      return section(
        "Whole steps",
        [
          "step",
          "size",
          "ms",
          "dispatches",
          "in JavaScript",
          "peak MiB",
          ...beside(report, ...report.steps.map(stepName)),
        ],
        report.steps.map((r) => [
          ...[r.name, r.size, r.ms, r.dispatches, percent(r.host), r.peakMiB],
          ...beside(report, ...report.steps.map(stepName)).map(() => torchRatio(report, stepName(r), r.ms)),
        ]),
      );
    case "peers":
      return peers(report);
  }
}

/** End of the report: items not run, failures, totals. */
export function showEnd({ notRun, failures, seconds, checks, budget }: Report): string {
  const checked = checks.reduce((sum, { passed }) => sum + passed, 0);
  const parts = [
    ...notRun.length > 0
      ? ["## Not run", ...notRun.map(({ phase, name, why }) => `- ${phase}, ${name}: ${why}`), ""]
      : [],
    ...failures.length > 0 ? ["## Failed", ...failures.map((f) => `- ${f.phase}, ${f.name}: ${f.message}`), ""] : [],
    `${checked} checks passed, ${failures.length} failures, ${notRun.length} not run; ${
      seconds.toFixed(0)
    } of ${budget} s`,
  ];
  return parts.join("\n");
}

const times = (ratio: number): string => `${ratio.toFixed(2)}×`;
const tera = (perMs: number): string =>
  perMs >= 1e9 ? `${(perMs / 1e9).toFixed(2)} TFLOP/s` : `${(perMs / 1e6).toFixed(1)} GFLOP/s`;
const giga = (perMs: number): string => `${(perMs / 1e6).toFixed(0)} GB/s`;

function section(title: string, head: readonly string[], rows: Parameters<typeof markdownTable>[1]): string {
  return rows.length === 0 ? "" : `## ${title}\n\n${markdownTable(head, rows)}\n`;
}

function machine({ machine, quick }: Report): string {
  if (!machine) return "";
  const { adapter, kernels, proofs, nvidia, deno, system, threads } = machine;
  const rows: [string, string][] = [
    ["adapter", `${adapter.description || "(no name)"}${adapter.isFallback ? ", software" : ""}`],
    ["vendor", [adapter.vendor, adapter.architecture].filter(Boolean).join(", ") || "(unknown)"],
    ["kernels", `${kernels} set${quick ? ", small sizes" : ""}`],
    ["system", `${system}, ${threads} CPU threads, Deno ${deno}`],
    ...Object.entries(nvidia ?? {}),
    ...Object.entries(adapter.limits).map(([name, value]): [string, string] => [name, String(value)]),
  ];
  const features = proofs.map(({ name, claimed, proven, detail }) => [
    name,
    claimed ? "yes" : "no",
    proven ? "yes" : "no",
    detail,
  ]);
  return section("Machine", ["", "found"], rows) + "\n" +
    section("Features, proven by a computed value", ["feature", "claimed", "works", "found"], features);
}

function checks({ checks }: Report): string {
  const failed = checks.flatMap(({ failures }) => failures.map(({ title, message }) => `- ${title}: ${message}`));
  const table = section(
    "Values against float64 references",
    ["tests", "passed", "failed", "not run", "seconds"],
    checks.map((file) => [file.name, file.passed, file.failures.length, file.notRun, Math.round(file.seconds)]),
  );
  return failed.length === 0 ? table : `${table}\n${failed.join("\n")}\n`;
}

function limits({ limits, machine }: Report): string {
  if (!limits) return "";
  const peak = machine?.peak;
  const of = (value: number, limit: number | null | undefined): string | null =>
    limit ? `${percent(value / limit)} of ${limit === peak?.compute ? tera(limit) : giga(limit)}` : null;
  const table = section("Limits of this device", ["limit", "measured", "of the theoretical peak"], [
    [`best product, ${limits.side}³`, tera(limits.compute), of(limits.compute, peak?.compute)],
    ["copy, read and written", giga(limits.bandwidth), of(limits.bandwidth, peak?.bandwidth)],
  ]);
  return peak ? `${table}\nTheoretical peak by ${peak.source}\n` : table;
}

function tuning({ tuning, quick }: Report): string {
  if (!tuning || tuning.rows.length === 0) return "";
  const { rows, known, winners, rounds } = tuning;
  const best = (turns: readonly number[]): number | null => turns.length === 0 ? null : Math.min(...turns);
  const table = section(
    "Tilings of products and convolutions",
    ["op", "size", "tried", "by rule", "ms", "winner", "ms", "gain"],
    rows.map(({ op, name, measured: [rule, ...others], tiling, gain }) => {
      const ruleMs = best(rule.turns), won = others.find((one) => one.tiling === tiling);
      return [
        op,
        name,
        others.length + 1,
        tilingName(rule.tiling),
        ruleMs,
        tiling && tilingName(tiling),
        won ? best(won.turns) : null,
        won && ruleMs !== null ? times(gain) : null,
      ];
    }),
  );
  const use = quick
    ? `measured by ${rounds === 1 ? "one turn" : `${rounds} turns`}, to see that it works: not to be shipped`
    : "in the report under `tuning.winners`, as engine/tuning/shipped.ts takes them";
  const others = known === "" ? "the rules alone" : `the rules and the winners known before (${known})`;
  const count = `${winners.length} winner${winners.length === 1 ? "" : "s"} for ${rows.length} sizes`;
  return `${table}\n${count}, ${use}.\nThe other phases go by ${others}.\n`;
}

/** Name of a step by which peers are asked for it. */
const stepName = ({ name, size }: Report["steps"][number]): string => `${name}, ${size}`;

/** Head of the column of PyTorch's times, where it was asked for one of `names`. */
function beside({ peers }: Report, ...names: readonly string[]): string[] {
  return peers.some(({ peer, name }) => peer === PYTORCH && names.includes(name)) ? ["PyTorch / ours"] : [];
}

/** PyTorch's time of a case in times of ours; null where it was not asked for it. */
function torchRatio({ peers }: Report, name: string, ours: number): string | null {
  const row = peers.find((one) => one.peer === PYTORCH && one.name === name);
  return row ? times(row.ms / ours) : null;
}

function ops(report: Report): string {
  const { ops, machine } = report, torch = beside(report, ...ops.map(({ name }) => name));
  const peak = machine?.peak, last = peak ? ["of peak"] : [];
  const ofPeak = (row: OpRow): number[] => {
    const share = peak ? shareOfPeak(row, peak) : null;
    return share === null ? [] : [share];
  };
  const rows = ops.map((row) => [
    row.name,
    row.ms,
    row.deviceMs,
    row.gflops,
    row.gbps,
    percent(row.share),
    ...last.map(() => percent(ofPeak(row)[0] ?? null)),
    ...torch.map(() => torchRatio(report, row.name, row.ms)),
  ]);
  const head = ["op", "ms", "on device ms", "GFLOP/s", "GB/s", "of limit", ...last, ...torch];
  const groups = [...new Set(ops.map(({ group }) => group))].map((group) => {
    const own = ops.filter((row) => row.group === group), shares = own.flatMap(({ share }) => share ?? []);
    return [
      group,
      own.length,
      percent(geometricMean(shares)),
      ...last.map(() => percent(geometricMean(own.flatMap(ofPeak)))),
    ];
  });
  return section("Ops beside their limits", head, rows) + "\n" +
    section("Geometric mean of the shares", ["ops", "count", "of limit", ...last], groups);
}

/**
 * Share of the theoretical peak that an op reaches, of arithmetic or of memory, whichever is nearer, by its time on the device
 * where there is one; null where no more than arithmetic's peak is known and it has none. More than 1 of memory's means caches.
 */
export function shareOfPeak({ ms, deviceMs, gflops, gbps }: OpRow, { compute, bandwidth }: Peak): number | null {
  const shares = [
    ...gflops === null ? [] : [gflops * 1e6 / compute],
    ...bandwidth === null ? [] : [gbps * 1e6 / bandwidth],
  ];
  return shares.length === 0 ? null : Math.max(...shares) * ms / (deviceMs ?? ms);
}

function peers({ peers, ops, steps }: Report): string {
  const ours = new Map([
    ...ops.map(({ name, ms }) => [name, ms] as const),
    ...steps.map((step) => [stepName(step), step.ms] as const),
  ]);
  const ratioOf = ({ name, ms }: PeerRow): number | null => ours.has(name) ? ms / ours.get(name)! : null;
  const names = [...new Set(peers.map(({ peer }) => peer))], tasks = [...new Set(peers.map(({ name }) => name))];
  const rows = tasks.map((task) => [
    task,
    ...names.map((peer) => {
      const row = peers.find((one) => one.name === task && one.peer === peer);
      if (!row) return null;
      const ratio = ratioOf(row);
      return `${shown(row.ms)} ms${ratio === null ? "" : ` (${times(ratio)})`}`;
    }),
  ]);
  const means = names.flatMap((peer) => {
    const ratios = peers.flatMap((row) => row.peer === peer ? ratioOf(row) ?? [] : []);
    return ratios.length === 0
      ? []
      : [`${peer}: ${times(geometricMean(ratios))} our time in geometric mean over ${ratios.length} shared cases`];
  });
  return section("Peers, and how many times our time they take", ["case", ...names], rows) +
    (means.length === 0 ? "" : `\n${means.join("\n")}\n`);
}
