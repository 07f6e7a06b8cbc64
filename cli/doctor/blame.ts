/**
 * The kernels at fault for results that are wrong. A result comes from several kernels. Those are suspected most that many wrong
 * results have in common and few right ones; what decides is another run without the suspect: where its substitute gives right
 * numbers, the suspect is at fault. Where nothing stands in for any of them, suspicion decides.
 */
import { examine, type Examined, type Ground, isWrong, type Outcome } from "./examine.ts";
import type { Forms } from "./trace.ts";

/** A kernel at fault. */
export interface Fault {
  /** Its form. */
  readonly kernel: string;
  /** The sample that shows it. */
  readonly sample: string;
  /** The fault in words. */
  readonly fault: string;
  /** Kernels that run in its place in that sample; none where it has no substitute there. */
  readonly instead: readonly string[];
}

/** All that is known of faults in the end. */
export interface Blamed {
  readonly faults: readonly Fault[];
  /** Results that are wrong although no kernel was found that is at fault. */
  readonly unexplained: readonly Examined[];
  /** Samples in which a kernel at fault has no substitute. */
  readonly stopped: readonly Examined[];
}

/** Runs of a sample that is right or wrong by chance. */
const UNSTEADY_RUNS = 8;

/** Most kernels that are left out one after the other in the place of a suspect. */
const LONGEST = 40;

/** Most characters of a fault's words: compilers have many. */
const LONGEST_TEXT = 400;

/** Right and wrong results that each kernel has a part in. */
class Suspicion {
  readonly #right = new Map<string, number>();
  readonly #wrong = new Map<string, number>();

  count(examined: readonly Examined[]): void {
    for (const { outcomes, stopped } of examined) {
      for (const { fault, forms } of stopped ? [] : outcomes) {
        const counts = fault === null ? this.#right : this.#wrong;
        for (const form of forms) counts.set(form, (counts.get(form) ?? 0) + 1);
      }
    }
  }

  /** Ochiai's coefficient, but for a factor that all have in common. */
  of(form: string): number {
    const wrong = this.#wrong.get(form) ?? 0;
    return wrong === 0 ? 0 : wrong / Math.sqrt(wrong + (this.#right.get(form) ?? 0));
  }

  /** True for a kernel that was right wherever it ran. */
  clears(form: string): boolean {
    return !this.#wrong.has(form) && this.#right.has(form);
  }

  /** Forms from the most suspected to the least. */
  sort(forms: Iterable<string>): string[] {
    return [...forms].sort((a, b) => this.of(b) - this.of(a));
  }
}

function wrongOf({ outcomes }: Examined): Outcome[] {
  return outcomes.filter(({ fault }) => fault !== null);
}

/** The wrong result that fewest kernels have a part in. */
function simplestOf(one: Examined): Outcome {
  return wrongOf(one).reduce((a, b) => b.forms.size < a.forms.size ? b : a);
}

/** A result of another run that is wrong: that of the name, or that the sample cannot be run at all. */
function stillWrong(one: Examined, name: string): Outcome | undefined {
  return wrongOf(one).find(({ result }) => result === name || result === "");
}

/** Finds the kernels at fault for what is wrong of `examined`. */
export class Search {
  readonly #ground: Ground;
  readonly #examined: readonly Examined[];
  readonly #suspicion = new Suspicion();
  readonly #faults: Fault[] = [];
  readonly #unexplained = new Set<Examined>();
  #refused: Forms = new Set();

  constructor(ground: Ground, examined: readonly Examined[]) {
    this.#ground = ground;
    this.#examined = examined;
    this.#suspicion.count(examined);
  }

  /** Runs until all that is wrong is explained, and all that ran a kernel at fault is right without it. */
  async run(): Promise<Blamed> {
    let wrong = this.#examined.filter(isWrong);
    for (;;) {
      const simplest = (one: Examined): number => simplestOf(one).forms.size;
      for (const one of wrong.toSorted((a, b) => simplest(a) - simplest(b))) await this.#explain(one);
      // Others ran what is left out now, and run what stands in for it.
      const again = await this.#rerun(this.#examined.filter(({ forms }) => this.#touches(forms)), this.#refused);
      this.#suspicion.count(again);
      wrong = again.filter((one) => isWrong(one) && ![...this.#unexplained].some(({ probe }) => probe === one.probe));
      if (wrong.length > 0) continue;
      return {
        faults: this.#faults,
        unexplained: [...this.#unexplained],
        stopped: again.filter(({ stopped }) => stopped),
      };
    }
  }

  #touches(forms: Forms): boolean {
    return [...this.#refused].some((form) => forms.has(form));
  }

  /** Runs samples again, those of a batch together. */
  async #rerun(all: readonly Examined[], refused: Forms): Promise<Examined[]> {
    const found: Examined[] = [];
    for (const [batch, own] of Map.groupBy(all, ({ batch }) => batch)) {
      const times = own.some(({ outcomes }) => outcomes.some(({ unsteady }) => unsteady)) ? UNSTEADY_RUNS : 2;
      found.push(...(await examine(this.#ground, batch, own.map(({ probe }) => probe), refused, times)).examined);
    }
    return found;
  }

  async #explain(before: Examined): Promise<void> {
    for (;;) {
      const [one] = await this.#rerun([before], this.#refused);
      // A sample that is wrong by chance may be right this time.
      const now = isWrong(one) || one.stopped || this.#touches(before.forms) ? one : before;
      if (!isWrong(now)) return;
      const outcome = simplestOf(now), suspects = this.#suspicion.sort(outcome.forms);
      if (suspects.length === 0) return void this.#unexplained.add(now);
      const found = await this.#substituted(now, outcome, suspects) ??
        { wrong: [{ kernel: suspects[0], outcome }], instead: [] };
      for (const { kernel, outcome: { fault } } of found.wrong) {
        this.#faults.push({
          kernel,
          sample: now.probe.title,
          fault: fault!.slice(0, LONGEST_TEXT),
          instead: found.instead,
        });
      }
      this.#refused = new Set([...this.#refused, ...found.wrong.map(({ kernel }) => kernel)]);
    }
  }

  /** The suspect without which a result is right, with substitutes that were wrong in their turn; null where there is none. */
  async #substituted(one: Examined, outcome: Outcome, suspects: readonly string[]): Promise<
    {
      readonly wrong: readonly { readonly kernel: string; readonly outcome: Outcome }[];
      readonly instead: readonly string[];
    } | null
  > {
    for (const suspect of suspects) {
      const wrong = [{ kernel: suspect, outcome }];
      while (wrong.length <= LONGEST) {
        const out = new Set([...this.#refused, ...wrong.map(({ kernel }) => kernel)]);
        const [now] = await this.#rerun([one], out), still = stillWrong(now, outcome.result);
        if (now.stopped) break;
        if (!still) return { wrong, instead: [...now.forms].filter((form) => !one.forms.has(form)) };
        // Nothing that was right everywhere else, and what was never tried only in the suspect's place.
        const fresh = [...still.forms].filter((form) => !outcome.forms.has(form) && !this.#suspicion.clears(form));
        const [next] = this.#suspicion.sort(fresh.filter((form) => !out.has(form)));
        if (next === undefined) break;
        wrong.push({ kernel: next, outcome: still });
      }
    }
    return null;
  }
}
