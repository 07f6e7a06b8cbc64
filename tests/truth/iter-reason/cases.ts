/**
 * Itera beside the authors' own code (endernewton/iter-reason 00a0e36, run under TensorFlow 2.21 by the scripts in make/):
 * golden/ holds what that computed, one test a file. Cases of which the like runs always run only with ITERA_TRUTH=all; any
 * value of it prints the largest difference found to each limit.
 */
import { Device } from "../../../engine/mod.ts";
import type { NetworkGolden } from "./golden.ts";
import { compareInput, type InputGolden } from "./input.ts";
import { compareMetrics, type MetricsGolden } from "./metrics.ts";
import { compareNetwork } from "./network.ts";
import { Rows } from "./rows.ts";
import { shareDevices } from "../../support/share_devices.ts";

shareDevices();

type Golden = InputGolden | MetricsGolden | (NetworkGolden & { readonly kind?: undefined });

/** The same steps with biases at the single rate, and a deeper network of the same parts. */
const LIKE_OTHERS = ["baseline_101", "baseline_steps", "memory_steps"];

const folder = new URL("golden/", import.meta.url);

/** Declares a test for each golden file whose name `matches`. */
export function testGolden(matches: RegExp): void {
  const files = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => matches.test(name)).sort();
  if (files.length === 0) throw new Error(`no golden file is named like ${matches}`);
  for (const name of files) {
    const title = name.replace(/\.json$/, "");
    const ignore = LIKE_OTHERS.includes(title) && Deno.env.get("ITERA_TRUTH") !== "all";
    Deno.test({ name: `the authors' figures: ${title}`, ignore }, () => compare(name));
  }
}

async function compare(name: string): Promise<void> {
  const golden: Golden = JSON.parse(await Deno.readTextFile(new URL(name, folder)));
  const rows = new Rows();
  await using device = await Device.open();
  if (golden.kind === "input") await compareInput(device, golden, rows);
  else if (golden.kind === "metrics") compareMetrics(golden, rows);
  else await compareNetwork(device, golden, rows);
  rows.hold();
}
