import { deepStrictEqual } from "node:assert/strict";
import { join } from "node:path";
import { beginSession, factsOf, readSessions, type Session, sessionFacts } from "../../../model/run/sessions.ts";
import { VERSION } from "../../../model/run/version.ts";
import { withFolder } from "../../support/folder.ts";

Deno.test("sessions of a run are kept one after the other, and a broken list is none", async () => {
  await withFolder(async (path) => {
    const folder = { file: (name: string): string => join(path, name) };
    deepStrictEqual([readSessions(folder), sessionFacts(folder)], [[], []]);
    const first = beginSession(folder, "an adapter", 0);
    await first(100);
    await first(200);
    await beginSession(folder, "another", 200)(300);
    deepStrictEqual(readSessions(folder).map(({ adapter, version, from, to }) => [adapter, version, from, to]), [
      ["an adapter", VERSION, 0, 200],
      ["another", VERSION, 200, 300],
    ]);
    await Deno.writeTextFile(folder.file("sessions.json"), '[{ "began": "yesterday" }]');
    deepStrictEqual(readSessions(folder), []);
  });
});

Deno.test("facts of sessions: the last end, the sum of times, adapters and versions once", () => {
  const session = (began: string, ended: string, adapter: string): Session => ({
    began: `2026-01-02T${began}:00.000Z`,
    ended: `2026-01-02T${ended}:00.000Z`,
    adapter,
    version: "0.2.0",
    from: 0,
    to: 1,
  });
  deepStrictEqual(
    factsOf([session("10:00", "11:30", "a"), session("08:00", "08:45", "b"), session("09:00", "09:05", "a")]),
    [
      ["trained", "2026-01-02 11:30 UTC, 2 h 20 min in 3 sessions"],
      ["adapter", "a, b"],
      ["version", "0.2.0"],
    ],
  );
});
