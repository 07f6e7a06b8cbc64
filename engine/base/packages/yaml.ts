/** yaml: settings in YAML, keys that are there twice refused by line. Loaded with the first such file. */

const load = () => import("npm:yaml@2.9.1");

/** Loads the library once. */
export async function loadYaml(): Promise<Pick<Awaited<ReturnType<typeof load>>, "parseDocument">> {
  return await load();
}
