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
  // Whoever always answers the commonest class has 8 %; sixty steps gave the ConvNet 20 % and the vote 11 %.
  const [image, vote] = accuracies;
  ok(image > 0.14 && vote > 0.09, out);
});
