/** A parsed split as a region-classification set. */
import { join } from "node:path";
import type { RegionDataset, Split } from "../types.ts";
import type { SplitTable } from "./table.ts";
import { tableImage } from "./table.ts";

/** A data set over a table; pictures lie below `folder`. */
export interface TableDataset extends RegionDataset {
  readonly table: SplitTable;
}

/** The set that `table` holds. */
export function tableDataset(
  name: string,
  split: Split,
  folder: string,
  table: SplitTable,
  flipLabels?: Int32Array<ArrayBuffer>,
): TableDataset {
  return {
    name,
    split,
    classes: table.classes,
    size: table.ids.length,
    source: { kind: "files", paths: table.paths.map((path) => join(folder, path)) },
    table,
    ...flipLabels ? { flipLabels } : {},
    record(index) {
      const { id, path, width, height, boxes, labels } = tableImage(table, index);
      return {
        id,
        width,
        height,
        boxes: Float32Array.from(boxes),
        labels: Int32Array.from(labels),
        path: join(folder, path),
      };
    },
  };
}
