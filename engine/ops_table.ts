/** The table of ops, generated from the registry for docs/ops.md; a test holds that page to it. */
import { allOps } from "./op.ts";
import "./ops/mod.ts";

/** Every registered op by family as a Markdown table: name, whether it has a gradient, inputs without one, cases checked. */
export function opsTable(): string {
  const ops = [...allOps().values()].sort((a, b) => a.family.localeCompare(b.family) || a.name.localeCompare(b.name));
  const rows = ops.map((op) => {
    const samples = op.samples(() => 0.5);
    const inputs = Math.max(...samples.map((s) => s.inputs.length));
    const constant = op.constantInputs.map((i) => i + 1).join(", ");
    const gradient = op.differentiable ? (constant ? `yes, not to input ${constant}` : "yes") : "no";
    return `| ${op.family} | \`${op.name}\` | ${inputs} | ${gradient} | ${samples.length} |`;
  });
  return ["| family | op | inputs | gradient | sample cases |", "| --- | --- | --- | --- | --- |", ...rows].join("\n");
}
