/** A rank that takes a device of its own, and prints its number and the device. */
import { takeOwnDevice } from "../../../cli/ranks/own_device.ts";
import { Device } from "../../../engine/mod.ts";
import { launched } from "../../../model/run/ranks/launched.ts";
import { MpiRanks } from "../../../model/run/ranks/mpi_ranks.ts";

await using ranks = MpiRanks.open(launched()!, { timeout: 60 });
await takeOwnDevice(ranks);
await using device = await Device.open();
Deno.stdout.writeSync(new TextEncoder().encode(`${ranks.rank} ${device.title}\n`));
