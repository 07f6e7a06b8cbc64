import { match, ok, strictEqual } from "node:assert/strict";
import { ROOT } from "./support/command.ts";

Deno.test("the example trains its module and prints its metrics", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", `${ROOT}/examples/scene_vote.ts`, "60"],
    stdout: "piped",
    stderr: "piped",
    env: { NO_COLOR: "1" },
  }).output();
  const [out, err] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  strictEqual(code, 0, err);
  match(out, /^image: per-instance accuracy \d\.\d{3}, per-class AP \d\.\d{3}\nvote: .*\n$/);
  const accuracies = [...out.matchAll(/accuracy (\d\.\d+)/g)].map(([, value]) => Number(value));
  // The commonest class is 8 % of all regions; sixty steps are enough to do better than one class in forty.
  ok(accuracies.every((a) => a > 0.025), out);
});
