/**
 * The command line with faulty kernels: as if a driver computed them wrong. Called with a list of them as JSON and the arguments
 * of `itera`, or with `examine` and ops: `doctor --kernels` of these alone, since all of them take a minute.
 */
import { doctorKernels } from "../../../cli/doctor/kernels.ts";
import { main } from "../../../cli/main.ts";
import { ProgramFailed } from "../../../cli/terminal/failure.ts";
import { plant } from "./plant.ts";

const [faults, ...args] = Deno.args;
plant(...JSON.parse(faults));
Deno.exit(args[0] === "examine" ? await examine(args.slice(1)) : await main(args));

async function examine(ops: readonly string[]): Promise<number> {
  try {
    await doctorKernels({ adapter: "cpu" }, { ops });
    return 0;
  } catch (error) {
    if (error instanceof ProgramFailed) return 1;
    throw error;
  }
}
