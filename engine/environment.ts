/** Environment variables and files, read only where permission is already granted. */

/** Whether this program may read a variable or a file. */
export function may(name: "env" | "read", what: string): boolean {
  const descriptor = name === "env" ? { name, variable: what } as const : { name, path: what } as const;
  return Deno.permissions.querySync(descriptor).state === "granted";
}

/** A variable that is set and not empty. */
export function variable(name: string): string | undefined {
  return may("env", name) ? Deno.env.get(name) || undefined : undefined;
}
