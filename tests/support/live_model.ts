/** The model of the documentation's page. */
import { join } from "node:path";
import { ROOT } from "./command.ts";

/** Path of its file. */
export const LIVE_MODEL: string = join(ROOT, "docs", "live", "model.safetensors");
