/** Writes the registry's table of ops into the README, between its two markers. */
import { opsTable } from "../../engine/ops_table.ts";

const path = new URL("../../README.md", import.meta.url);
const readme = await Deno.readTextFile(path);
const [begin, end] = ["<!-- ops -->", "<!-- /ops -->"];
const [from, to] = [readme.indexOf(begin), readme.indexOf(end)];
if (from < 0 || to < from) throw new Error(`README.md has no ${begin} … ${end}`);
await Deno.writeTextFile(path, `${readme.slice(0, from + begin.length)}\n\n${opsTable()}\n\n${readme.slice(to)}`);
