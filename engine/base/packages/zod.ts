/** zod: schemas of settings and of files. */
export { z } from "npm:zod@4.6.7";
