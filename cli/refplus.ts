/** `itera refplus`: data for referring expressions in CLEVR-Ref+'s format. */
import { type Command, InvalidArgumentError, Option } from "@commander-js/extra-typings";
import { generateRefPlus } from "../datasets/refplus/generate.ts";
import { line, Progress } from "./output.ts";

/** Adds the command group. */
export function addRefPlus(program: Command): void {
  const refplus = program.command("refplus").description("make and prepare referring expressions (CLEVR-Ref+)")
    .copyInheritedSettings(program);
  refplus.command("generate")
    .description(
      "draw scenes and write expressions about them; goes on where it stopped, and appends with more --images",
    )
    .copyInheritedSettings(program)
    .requiredOption("--out <folder>", "where the set is or is to be")
    .addOption(
      new Option("--split <name>", "which part of it").choices(["train", "val", "test"] as const).makeOptionMandatory(),
    )
    .requiredOption("--images <n>", "pictures of the split in the end", toNumber)
    .option("--refexps-per-image <k>", "expressions about each picture", toNumber, 10)
    .option("--seed <s>", "seed of the set", toNumber, 1)
    .option("--false-premise", "also write expressions that refer to nothing")
    .action(async ({ out, split, images, refexpsPerImage, seed, falsePremise }) => {
      let stage = "", progress: Progress | undefined;
      try {
        const made = await generateRefPlus(
          out,
          { split, images, refexpsPerImage, seed, falsePremise: falsePremise ?? false },
          {
            onProgress(now, done, of) {
              if (now !== stage) {
                progress?.[Symbol.dispose]();
                progress = new Progress(stage = now, "pictures");
              }
              progress!.update(done, of);
            },
          },
        );
        progress?.[Symbol.dispose]();
        const nothing = made.falsePremise === null ? "" : `, ${made.falsePremise} that refer to nothing`;
        line(`${out}: ${split} has ${made.images} pictures and ${made.refexps} expressions${nothing}`);
      } finally {
        progress?.[Symbol.dispose]();
      }
    });
}

function toNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value)) throw new InvalidArgumentError("It is not a number.");
  return value;
}
