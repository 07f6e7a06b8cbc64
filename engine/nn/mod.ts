/** Layers, modules and initialisers. */
export * from "./layers.ts";
export * from "./recurrent.ts";
