/** PyTorch in a process of its own, where Python has it. */

/** The JSON line that `script` of this folder prints; null where there is no Python or no PyTorch. */
export async function torchRow<T>(script: string, args: readonly string[]): Promise<T | null> {
  const path = new URL(script, import.meta.url).pathname;
  const run = new Deno.Command("python3", { args: [path, ...args], stdout: "piped", stderr: "null" });
  const { success, stdout } = await run.output().catch(() => ({ success: false, stdout: new Uint8Array() }));
  return success ? JSON.parse(new TextDecoder().decode(stdout)) : null;
}
