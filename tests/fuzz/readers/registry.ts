/** Every reader of files that the project has. */
import type { FuzzReader } from "../reader.ts";
import { ADE } from "./ade.ts";
import { FETCHED } from "./archives.ts";
import { HDF5 } from "./hdf5.ts";
import { KNOWLEDGE } from "./knowledge.ts";
import { PICTURES } from "./pictures.ts";
import { REFPLUS } from "./refplus.ts";
import { RUN_FILES } from "./runs.ts";
import { SETS } from "./sets.ts";
import { SETTINGS } from "./settings.ts";
import { WEIGHTS } from "./weights.ts";

/** The readers: a row for each form of file. */
export const READERS: readonly FuzzReader[] = [
  ...SETS,
  ...ADE,
  ...PICTURES,
  ...KNOWLEDGE,
  ...REFPLUS,
  ...HDF5,
  ...WEIGHTS,
  ...RUN_FILES,
  ...SETTINGS,
  ...FETCHED,
];
