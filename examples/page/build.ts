/**
 * A page that needs no server: bundles page.ts with the engine and writes it, with the script inside, as one HTML file,
 * which opens by a double click in any browser with WebGPU. `deno run -A examples/page/build.ts [file]`
 */
// deno-lint-ignore-file no-console
const [out = "spirals.html"] = Deno.args;

// Not `--minify`: it takes a `using` that is read once for a constant, and what it holds is never freed.
const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
  args: ["bundle", "--quiet", "--platform", "browser", new URL("page.ts", import.meta.url).href],
}).output();
const [script, problems] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
if (code !== 0) throw new Error(problems);

// Files may not import modules from files, so the script stands in the page; nothing in it may look like its end.
const html = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Itera: two spirals</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 34rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
  canvas { width: 100%; border: 1px solid #ddd }
</style>
<h1>Two spirals</h1>
<p>A net with two hidden layers learns, on this device's GPU, which of two spirals a point lies on.</p>
<canvas id="plane" width="512" height="512"></canvas>
<p id="text" role="status">Opening the GPU …</p>
<button id="again" disabled>Again, from other weights</button>
<script type="module">${script.replaceAll("</script", "<\\/script")}</script>
</html>
`;
await Deno.writeTextFile(out, html);
console.log(`${out}: ${(html.length / 1024).toFixed(0)} KiB`);
