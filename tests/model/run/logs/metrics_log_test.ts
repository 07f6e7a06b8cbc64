import { deepStrictEqual, strictEqual, throws } from "node:assert/strict";
import { join } from "node:path";
import { UserError } from "../../../../engine/base/user_error.ts";
import { MetricsLog } from "../../../../model/run/logs/metrics_log.ts";
import { withFolder } from "../../../support/folder.ts";

const record = (step: number): { step: number; loss: number } => ({ step, loss: 1 / step });

function run(path: string, from: number, to: number): void {
  using log = MetricsLog.open(path, from);
  for (let step = from + 1; step <= to; step++) log.append(record(step));
  log.sync();
}

Deno.test("a log cut off anywhere and resumed at any step ends as one never cut", async () => {
  await withFolder((folder) => {
    const path = join(folder, "metrics.jsonl");
    run(path, 0, 8);
    const whole = Deno.readFileSync(path);
    strictEqual(MetricsLog.read(path).length, 8);
    for (let length = 0; length <= whole.length; length++) {
      const steps = whole.subarray(0, length).filter((byte) => byte === 10).length;
      for (const resumed of new Set([0, Math.floor(steps / 2), steps])) {
        Deno.writeFileSync(path, whole.subarray(0, length));
        run(path, resumed, 8);
        deepStrictEqual(Deno.readFileSync(path), whole, `cut at ${length}, resumed after ${resumed}`);
      }
    }
  });
});

Deno.test("a line that is no record is named, and the file left as it is", async () => {
  await withFolder((folder) => {
    const path = join(folder, "metrics.jsonl");
    const content = '{"step":1}\n{"stop":2}\n{"step":3}\n';
    Deno.writeTextFileSync(path, content);
    throws(
      () => MetricsLog.open(path, 3),
      (error) => error instanceof UserError && error.message.includes(`${path}:2`),
    );
    strictEqual(Deno.readTextFileSync(path), content);
  });
});

Deno.test("records that are there because a run ended are dropped when it goes on, and its state never counts them", async () => {
  await withFolder((folder) => {
    const path = join(folder, "metrics.jsonl"), never = join(folder, "never.jsonl");
    const ending = { ...record(4), rate: 1 }, validation = { step: 4, accuracy: 0.5 };
    const isEnd = (r: object): boolean => "rate" in r;
    using other = MetricsLog.open(never, 0);
    other.append(record(3));
    other.append(validation);
    {
      using log = MetricsLog.open(path, 0);
      log.append(record(3));
      log.append(ending, { ends: true });
      log.append(validation);
      strictEqual(log.state, other.state);
    }
    strictEqual(MetricsLog.read(path).length, 3, "a run that ended has its last record");
    const before = Deno.readFileSync(path);
    for (const again of ["the first time", "as if killed right after"]) {
      using log = MetricsLog.open(path, 4, isEnd);
      strictEqual(log.state, other.state, again);
      deepStrictEqual(Deno.readFileSync(path), Deno.readFileSync(never), again);
    }
    Deno.writeFileSync(path, before);
    using untouched = MetricsLog.open(path, 4);
    deepStrictEqual(Deno.readFileSync(path), before);
    strictEqual(untouched.found, untouched.state);
  });
});
