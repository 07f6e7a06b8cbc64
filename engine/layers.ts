/** Layers, modules and initialisers. */
export * from "./nn.ts";
export * from "./nn_recurrent.ts";
