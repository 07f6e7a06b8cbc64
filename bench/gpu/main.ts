/**
 * `bench/gpu.sh`: asks PyTorch, checks every kernel on this machine's adapter against float64 references, tunes products and
 * convolutions, times ops, fused kernels and whole steps beside the limits measured in the same run and beside peers,
 * prints tables and writes JSON. Ends within its time budget; what did not fit is listed. Status 1 where something failed
 * or a check did not run, 2 for a mistake in the call. Needs no package: what needs one is skipped where it is not there.
 */
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Device, NoAdapterError } from "../../engine/mod.ts";
import { fusedRow } from "../fused.ts";
import { measureLimits } from "../../cli/time/measure.ts";
import { firstLine } from "../peers/open.ts";
import { TWINS } from "../twins.ts";
import { checkItems } from "./checks.ts";
import { describeMachine } from "./machine.ts";
import { opCases, opRow } from "./ops.ts";
import { parseOptions, USAGE, UsageError } from "./options.ts";
import { peerItems } from "./peers.ts";
import { torchItems } from "./pytorch.ts";
import { newReport, type Report } from "./report.ts";
import { type Phase, runPhases } from "./schedule.ts";
import { stepItems } from "./steps.ts";
import { tuneItems } from "./tune.ts";
import { showEnd, showPhase } from "./show.ts";

const print = (text: string): void => void Deno.stdout.writeSync(new TextEncoder().encode(text + "\n"));
const notice = (text: string): void => void Deno.stderr.writeSync(new TextEncoder().encode(text + "\n"));

/** All phases in order. */
function phasesOf(device: Device, report: Report, save: () => void): Phase[] {
  const { quick } = report, roundMs = quick ? 60 : 150;
  const phases: Omit<Phase, "done">[] = [
    {
      name: "machine",
      weight: 1,
      items: () => [{
        name: "adapter and features",
        run: async () => {
          const machine = report.machine = await describeMachine(device);
          const lie = machine.proofs.find(({ claimed, proven }) => claimed && !proven);
          if (lie) throw new Error(`${lie.name} is claimed but does not work: ${lie.detail}`);
        },
      }],
    },
    { name: "pytorch", weight: 3, items: () => torchItems(quick, (row) => report.peers.push(row)) },
    {
      name: "checks",
      weight: 8,
      together: navigator.hardwareConcurrency,
      items: () => checkItems((file) => report.checks.push(file)),
    },
    {
      name: "limits",
      weight: 1,
      items: () => [{
        name: "products and copy",
        run: async () => void (report.limits = await measureLimits(device)),
      }],
    },
    { name: "tune", weight: 3, items: () => tuneItems(device, report) },
    {
      name: "ops",
      weight: 5,
      items: () =>
        opCases(quick).map((one) => ({
          name: one.of.name,
          run: async () => void report.ops.push(await opRow(device, one, report.limits, roundMs)),
        })),
    },
    {
      name: "fused",
      weight: 3,
      items: () =>
        TWINS.flatMap((twin) =>
          (twin.differentiable ? [false, true] : [false]).map((gradients) => ({
            name: `${twin.name}${gradients ? ", with gradients" : ""}`,
            run: async () => {
              const row = await fusedRow(device, twin, { gradients, roundMs });
              if (row) report.fused.push(row);
            },
          }))
        ),
    },
    { name: "steps", weight: 4, items: () => stepItems(quick, (row) => report.steps.push(row)) },
    { name: "peers", weight: 5, items: () => peerItems(quick, (row) => report.peers.push(row)) },
  ];
  return phases.map((phase) => ({
    ...phase,
    done: () => {
      print(showPhase(phase.name, report));
      save();
    },
  }));
}

async function main(): Promise<number> {
  const start = performance.now();
  const options = parseOptions(Deno.args);
  if (options.help) {
    print(USAGE);
    return 0;
  }
  const report = newReport(options.budget);
  const out = options.out ??
    fileURLToPath(new URL(`../results/gpu-${report.started.replaceAll(":", "-")}.json`, import.meta.url));
  const save = (): void => {
    report.seconds = (performance.now() - start) / 1000;
    Deno.mkdirSync(dirname(out), { recursive: true });
    Deno.writeTextFileSync(out, JSON.stringify(report, null, 2) + "\n");
  };
  const device = await Device.open();
  report.quick = options.quick || device.info.isFallback;
  save();
  notice(`${device.info.description}, ${device.kernels} kernels${report.quick ? ", small sizes" : ""}`);
  const phases = phasesOf(device, report, save).filter(({ name }) => options.phases.includes(name));
  await runPhases(phases, start + 1000 * options.budget, report, { progress: notice });
  const unchecked = report.checks.some(({ notRun }) => notRun > 0) ||
    report.notRun.some(({ phase }) => phase === "checks");
  report.finished = true;
  save();
  print(showEnd(report));
  print(`written to ${out}`);
  return report.failures.length > 0 || unchecked ? 1 : 0;
}

try {
  // A peer may keep the process alive with a device of its own.
  Deno.exit(await main());
} catch (error) {
  const known = error instanceof UsageError || error instanceof NoAdapterError ||
    error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotADirectory;
  notice(`bench/gpu.sh: ${firstLine(error)}`);
  if (!known && Deno.env.get("ITERA_DEBUG") === "1") notice(String((error as Error)?.stack));
  Deno.exit(known ? 2 : 1);
}
