import { deepStrictEqual } from "node:assert/strict";
import { metricsTable } from "../../../../model/run/logs/metrics_table.ts";
import { parseCsv } from "../../../support/files/csv.ts";

Deno.test("records become rows with a column for every name, in the order in which names appear", () => {
  const records = [{ step: 2, loss: 0.5, rate: 1e-3 }, { step: 2, val_accuracy: 1 }, {
    step: 4,
    "a,b": null,
    loss: -1,
  }];
  deepStrictEqual(parseCsv(metricsTable(records)), [
    ["step", "loss", "rate", "val_accuracy", "a,b"],
    ["2", "0.5", "0.001", "", ""],
    ["2", "", "", "1", ""],
    ["4", "-1", "", "", ""],
  ]);
  deepStrictEqual(metricsTable([]), "step\n");
});
