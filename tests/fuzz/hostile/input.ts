/** An input that makes a careless reader do much. */
import type { Files } from "../reader.ts";

/** An input for a reader. */
export interface HostileInput {
  readonly reader: string;
  readonly name: string;
  readonly files: () => Files | Promise<Files>;
}
