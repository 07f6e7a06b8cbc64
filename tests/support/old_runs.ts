/** Runs of earlier versions, kept under tests/fixtures, and what their tensors are. */
import { join } from "node:path";
import { ROOT } from "./command.ts";

/** Copies run `run` of `fixtures` (such as `runs-0.1`) into `folder`; returns its path there. */
export async function copyRun(fixtures: string, run: string, folder: string): Promise<string> {
  const [from, to] = [join(ROOT, "tests/fixtures", fixtures, run), join(folder, run)];
  await Deno.mkdir(join(to, "checkpoints"), { recursive: true });
  for (const file of ["config.json", "metrics.jsonl"]) await Deno.copyFile(join(from, file), join(to, file));
  for (const { name } of Deno.readDirSync(join(from, "checkpoints"))) {
    await Deno.copyFile(join(from, "checkpoints", name), join(to, "checkpoints", name));
  }
  return to;
}
