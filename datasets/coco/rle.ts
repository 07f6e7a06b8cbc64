/** COCO's run lengths of masks: pixels outside and inside in turn, column by column, as numbers or packed into text. */

/** A mask as COCO's files have it: its height and width, and its runs, packed or plain. */
export interface CocoMask {
  /** Height and width in pixels. */
  readonly size: readonly [number, number];
  readonly counts: string | readonly number[];
}

/** Runs of a mask of 0 and 1, [height, width] row-major: pixels outside, inside, outside, …, down the columns. */
export function columnRuns(mask: ArrayLike<number>, width: number, height: number): number[] {
  const runs: number[] = [];
  let inside = false, length = 0;
  for (let x = 0; x < width; x++) {
    for (let y = 0; y < height; y++, length++) {
      if (mask[y * width + x] > 0 === inside) continue;
      runs.push(length);
      length = 0;
      inside = !inside;
    }
  }
  runs.push(length);
  return runs;
}

/** The mask in COCO's form: packed into text, as its results are, or with plain numbers. */
export function cocoMask(mask: ArrayLike<number>, width: number, height: number, packed = true): CocoMask {
  const runs = columnRuns(mask, width, height);
  return { size: [height, width], counts: packed ? encodeCounts(runs) : runs };
}

/**
 * Packed runs: numbers in groups of five bits, lowest first, each character 48 plus the group, plus 32 where another follows; the
 * last group's highest bit is the sign. From the fourth on, a number is the difference to the run two before.
 */
export function encodeCounts(runs: readonly number[]): string {
  let text = "";
  runs.forEach((run, i) => {
    let rest = i > 2 ? run - runs[i - 2] : run;
    for (;;) {
      const group = rest & 31;
      rest >>= 5;
      const last = rest === (group & 16 ? -1 : 0);
      text += String.fromCharCode(48 + group + (last ? 0 : 32));
      if (last) break;
    }
  });
  return text;
}

/** The numbers that {@link encodeCounts} packed. */
export function decodeCounts(text: string): number[] {
  const runs: number[] = [];
  for (let at = 0; at < text.length;) {
    let value = 0, shift = 0, group: number;
    do {
      group = text.charCodeAt(at++) - 48;
      value += (group & 31) * 2 ** shift;
      shift += 5;
    } while (group & 32 && at < text.length);
    if (group & 16) value -= 2 ** shift;
    runs.push(runs.length > 2 ? value + runs[runs.length - 2] : value);
  }
  return runs;
}
