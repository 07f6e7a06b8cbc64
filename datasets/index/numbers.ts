/** Lists of numbers that grow without a JavaScript object per number. */

/** A growing list of one kind of typed array. */
export class NumberList<A extends Uint16Array<ArrayBuffer> | Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>> {
  #values: A;
  #make: new (length: number) => A;
  /** Numbers held. */
  length = 0;

  /** An empty list of what `make` makes. */
  constructor(make: new (length: number) => A) {
    this.#make = make;
    this.#values = new make(1024);
  }

  /** Adds numbers at the end. */
  push(...numbers: readonly number[]): void {
    if (this.length + numbers.length > this.#values.length) {
      const larger = new this.#make(2 * (this.length + numbers.length));
      larger.set(this.#values);
      this.#values = larger;
    }
    for (const number of numbers) this.#values[this.length++] = number;
  }

  /** The number at `index`. */
  at(index: number): number {
    return this.#values[index];
  }

  /** All numbers, in an array of their own. */
  finish(): A {
    return this.#values.slice(0, this.length) as A;
  }
}
