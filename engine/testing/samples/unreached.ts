/**
 * Branches of WGSL that neither samples nor the work beyond them enter, and constants that they never give, each with its reason. A
 * branch is named by its file and line, `file: text`, a constant by `file NAME`. `itera test --coverage` fails for one that is not
 * here, and for one here that is reached.
 */

/** Reasons by what they are for. */
export type Reasons = Readonly<Record<string, string>>;

const TILINGS = "for large products: every tiling, with --tilings, and tests/engine/ops/tilings_test.ts";
const OUT_OF_RANGE = "for indices out of range, which no sample has: tests/engine/ops/index_faults_test.ts";
const NOT_FINITE = "for weights that are not finite: tests/engine/optim/non_finite_test.ts";
const NO_SUCH = "WGSL asks for it; no number of an op leads there";
const ROUNDING = "for what rounding may let into a range that is wider by a hundredth";

function all(reason: string, file: string, ...texts: readonly string[]): Reasons {
  return Object.fromEntries(texts.map((text) => [`shaders/${file}: ${text}`, reason]));
}

/** Reasons for all that is not reached. */
export const UNREACHED: Reasons = {
  ...all(
    TILINGS,
    "lib/core_lanes.wgsl",
    "if (QUADS > 6u) {",
    "if (j == 6u) { block = s06; }",
    "if (j == 7u) { block = s07; }",
    "if (j == 6u) { block = s16; }",
    "if (j == 7u) { block = s17; }",
  ),
  ...all(
    TILINGS,
    "lib/core_tiles.wgsl",
    "if (!slot.used) { return; }",
    "if (depth4() == 4u) { return; }",
    "if (TILE_COLUMNS > 64u) { store(row, place.column + 16u, c01); }",
    "if (TILE_ROWS > 64u) { store(row + 64u, place.column, c10); }",
    "if (TILE_ROWS > 64u && TILE_COLUMNS > 64u) { store(row + 64u, place.column + 16u, c11); }",
  ),
  ...all(
    "as GPUs get it, written out: tests/engine/ops/tilings_test.ts",
    "lib/core_tiles.wgsl",
    "fn steps(k: u32, at: Place) {",
  ),
  ...all(TILINGS, "lib/products/wide_tiles.wgsl", "if (BUFFERS == 1u) { workgroupBarrier(); }"),
  ...all(
    OUT_OF_RANGE,
    "lib/index_faults.wgsl",
    "fn note_fault(op: u32, index: i32, entries: u32) {",
    "if (atomicExchange(&index_faults[3u * op], 1u) != 0u) { return; }",
    "if (index != -1) { note_fault(op, index, entries); }",
  ),
  ...all(OUT_OF_RANGE, "roi_align.wgsl", "if (!checked_index(ROI_ALIGN, which, params.batch)) { return; }"),
  ...all(OUT_OF_RANGE, "softmax.wgsl", "if (label < 0 || u32(label) >= params.columns) {"),
  ...all(
    NOT_FINITE,
    "lib/optim/rules.wgsl",
    "if (any(elements & !whole) || (CLIP && clip[0] == 0.0)) { atomicMax(&fault[entry], 1u); }",
  ),
  ...all(NOT_FINITE, "optim_count.wgsl", "if (fault[i] > 0u) { fault[i]++; }"),
  ...all(
    "for exact multiples and tiny rests: tests/engine/ops/special_values_test.ts",
    "floor.wgsl",
    "if (rest == 0u || exponent <= up) { return 0u; }",
  ),
  ...all(
    "for factors of zero: tests/engine/ops/reductions_test.ts",
    "prod.wgsl",
    "if (v == 0.0) { zeros += 1.0; } else { product *= v; }",
  ),
  ...all(
    ROUNDING,
    "paste_regions.wgsl",
    "if (!inside(bounds, f32(y), f32(x))) { continue; }",
    "if (wy <= 0.0 || wx <= 0.0) { continue; }",
  ),
  ...all(NO_SUCH, "lib/activation.wgsl", "default: { return Value(1.0); }"),
  ...all(NO_SUCH, "conv_forward_tiles.wgsl", "fn put_sums(j: u32, v: vec4<f32>) {}"),
  ...all(NO_SUCH, "conv_data_grad_tiles.wgsl", "fn put_sums(j: u32, v: vec4<f32>) {}"),
  ...all(NO_SUCH, "pointwise.wgsl", "default: { return v; }", "default: { return vec4<f32>(0.0); }"),
};
