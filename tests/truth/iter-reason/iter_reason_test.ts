/**
 * Itera beside the authors' own code (endernewton/iter-reason 00a0e36, run under TensorFlow 2.21 by the scripts in make/):
 * golden/ holds what that computed, one test a file. The largest cases take minutes on two cores and run only with
 * ITERA_TRUTH=all; any value prints the largest difference found to each limit.
 */
import { Device } from "../../../engine/mod.ts";
import type { NetworkGolden } from "./golden.ts";
import { compareInput, type InputGolden } from "./input.ts";
import { compareMetrics, type MetricsGolden } from "./metrics.ts";
import { compareNetwork } from "./network.ts";
import { Rows } from "./rows.ts";

type Golden = InputGolden | MetricsGolden | (NetworkGolden & { readonly kind?: undefined });

/** Cases whose smaller kin run always; the steps with doubled biases begin with all of baseline_edge. */
const LARGE = ["memory_published", "baseline_101", "baseline_edge", "baseline_steps", "memory_steps"];

const folder = new URL("golden/", import.meta.url);

for (const { name } of [...Deno.readDirSync(folder)].sort((a, b) => a.name < b.name ? -1 : 1)) {
  const title = name.replace(/\.json$/, "");
  const ignore = LARGE.includes(title) && Deno.env.get("ITERA_TRUTH") !== "all";
  Deno.test({ name: `the authors' figures: ${title}`, ignore }, async () => {
    const golden: Golden = JSON.parse(await Deno.readTextFile(new URL(name, folder)));
    const rows = new Rows();
    await using device = await Device.open();
    if (golden.kind === "input") await compareInput(device, golden, rows);
    else if (golden.kind === "metrics") compareMetrics(golden, rows);
    else await compareNetwork(device, golden, rows);
    rows.hold();
  });
}
