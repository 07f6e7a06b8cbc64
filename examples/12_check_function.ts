/**
 * WGSL functions alone, held to units in the last place over a range: √(1 + x) − 1 as it is written first, which loses the digits of
 * a small x, and as it keeps them. `deno run examples/12_check_function.ts`
 */
// deno-lint-ignore-file no-console
import { CheckError, checkFunction } from "../engine/testing/mod.ts";

const text = `// The square root of 1 + x, less 1: twice.
fn plain(x: f32) -> f32 { return sqrt(1.0 + x) - 1.0; }
fn careful(x: f32) -> f32 { return x / (sqrt(1.0 + x) + 1.0); }`;

for (const name of ["careful", "plain"]) {
  try {
    const { samples: [{ compared }] } = await checkFunction({ file: "root.wgsl", text }, name, {
      ranges: [[1e-6, 0.5]],
      reference: (x: number) => x / (Math.sqrt(1 + x) + 1),
      ulps: 4,
    });
    console.log(`${name}: of ${compared.numbers} arguments none is off by more than 4 units in the last place`);
  } catch (error) {
    if (!(error instanceof CheckError)) throw error;
    console.log(error.message.split("\n")[1].trim());
  }
}
