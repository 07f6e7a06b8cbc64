/** Files that are either whole or not there, as run folders use them. */
export * from "../../datasets/atomic.ts";
