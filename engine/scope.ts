/** Scopes own the tensors made while they are open and free them at the closing brace. */
import { EngineError } from "./base/errors.ts";
import { befriendScopes, moveTo, release } from "./friends.ts";
import type { Tensor } from "./tensor.ts";

/**
 * Owns every tensor made while it is the innermost open scope. `using scope = device.scope()` frees all of them at the end
 * of the block but those given to {@link Scope.keep}, which pass to the enclosing scope (or to the caller, if none is open).
 */
export class Scope implements Disposable {
  readonly #stack: Scope[];
  readonly #owned = new Set<Tensor>();
  readonly #adopted: Disposable[] = [];
  #open = true;

  static {
    befriendScopes({
      openScope: (stack) => new Scope(stack),
      own: (scope, tensor) => void scope.#owned.add(tensor),
      disown: (scope, tensor) => void scope.#owned.delete(tensor),
    });
  }

  private constructor(stack: Scope[]) {
    this.#stack = stack;
    stack.push(this);
  }

  /** Disposes `thing` when the scope closes, a graph made for one step, say; returns it. */
  adopt<T extends Disposable>(thing: T): T {
    this.#adopted.push(thing);
    return thing;
  }

  /** Hands a tensor on to the enclosing scope, or to the caller where there is none; returns it. */
  keep<T extends Tensor>(tensor: T): T {
    if (this.#owned.delete(tensor)) moveTo(tensor, this.#stack[this.#stack.indexOf(this) - 1]);
    return tensor;
  }

  /** Frees what is owned. Throws when an inner scope is still open, as happens when two async flows interleave. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    if (this.#stack.at(-1) !== this) {
      throw new EngineError(
        "a scope was closed while an inner one is open: two async flows interleave; await one before opening the other",
      );
    }
    this.#open = false;
    this.#stack.pop();
    for (const thing of this.#adopted.splice(0)) thing[Symbol.dispose]();
    for (const tensor of this.#owned) release(tensor);
    this.#owned.clear();
  }
}
