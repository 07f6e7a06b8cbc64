/** Writes the registry's table of ops into docs/ops.md, between its two markers. */
import { opsTable } from "../../engine/ops_table.ts";

const path = new URL("../../docs/ops.md", import.meta.url);
const page = await Deno.readTextFile(path);
const [begin, end] = ["<!-- ops -->", "<!-- /ops -->"];
const [from, to] = [page.indexOf(begin), page.indexOf(end)];
if (from < 0 || to < from) throw new Error(`docs/ops.md has no ${begin} … ${end}`);
await Deno.writeTextFile(path, `${page.slice(0, from + begin.length)}\n\n${opsTable()}\n\n${page.slice(to)}`);
