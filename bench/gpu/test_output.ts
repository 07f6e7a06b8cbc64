/** Output of a `deno test` process, read test by test while it runs. */

/** Results of the tests of a file. */
export interface CheckedFile {
  /** Path, with the filter where only some of its tests were asked for. */
  readonly name: string;
  passed: number;
  readonly failures: { readonly title: string; message: string }[];
  /** Tests announced and not seen to end. */
  notRun: number;
  seconds: number;
}

/** Collects the lines of the default reporter, without colours. */
export class TestOutput {
  /** Titles of passed tests. */
  readonly passed: string[] = [];
  /** Failed tests with the beginning of their messages. */
  readonly failures: { readonly title: string; message: string }[] = [];
  #announced = 0;
  #ignored = 0;
  #errors = false;
  #last: { message: string } | undefined;

  /** Takes one line. */
  line(text: string): void {
    const announced = /^running (\d+) tests? from /.exec(text);
    if (announced) this.#announced += Number(announced[1]);
    if (/^\s*ERRORS\s*$/.test(text)) this.#errors = true;
    if (/^\s*FAILURES\s*$/.test(text)) this.#errors = false;
    if (this.#errors) return this.#error(text);
    const ended = /^(.*) \.\.\. (ok|FAILED|ignored)\b/.exec(text);
    if (!ended) return;
    const [, title, how] = ended;
    if (how === "ok") this.passed.push(title);
    else if (how === "ignored") this.#ignored++;
    else this.failures.push({ title, message: "" });
  }

  /** Tests announced that have not ended yet. */
  get open(): number {
    return Math.max(0, this.#announced - this.#ignored - this.passed.length - this.failures.length);
  }

  /** The list of errors follows the tests: `title => file:line`, then `error: …`. */
  #error(text: string): void {
    const header = /^(.*) => \.?\/?\S+:\d+:\d+$/.exec(text);
    if (header) this.#last = this.failures.find(({ title }) => title === header[1]);
    const error = /^error: (.*)$/.exec(text);
    if (error && this.#last?.message === "") this.#last.message = error[1].slice(0, 400);
  }
}
