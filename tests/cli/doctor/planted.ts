/**
 * The command line with faulty kernels: as if a driver computed them wrong. Called with a list of them as JSON and the arguments
 * of `itera`.
 */
import { main } from "../../../cli/main.ts";
import { plant } from "./plant.ts";

plant(...JSON.parse(Deno.args[0]));
Deno.exit(await main(Deno.args.slice(1)));
