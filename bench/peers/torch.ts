/** PyTorch in a process of its own, where Python has it. */

/** The JSON line that `script` of this folder prints; null where there is no Python or no PyTorch, or `signal` stopped it. */
export async function torchRow<T>(script: string, args: readonly string[], signal?: AbortSignal): Promise<T | null> {
  const path = new URL(script, import.meta.url).pathname;
  const stdout = await python([path, ...args], signal);
  return stdout === null ? null : JSON.parse(stdout);
}

/** Reason for which there is no PyTorch here; null where there is. */
export async function torchMissing(): Promise<string | null> {
  if (await python(["-c", ""]) === null) return "python3 is not here";
  return await python(["-c", "import torch"]) === null ? "python3 has no torch" : null;
}

/** Standard output of Python; null where it fails. */
async function python(args: string[], signal?: AbortSignal): Promise<string | null> {
  const options = { args, stdout: "piped", stderr: "null", ...signal && { signal } } as const;
  try {
    const { success, stdout } = await new Deno.Command("python3", options).output();
    return success ? new TextDecoder().decode(stdout) : null;
  } catch {
    return null;
  }
}
