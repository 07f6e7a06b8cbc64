/** Scopes own the tensors made while they are open and free them at the closing brace. */
import { EngineError } from "./base/errors.ts";
import { expectFunction } from "./base/given.ts";
import { befriendScopes, moveTo, release } from "./friends.ts";
import type { Tensor } from "./tensor.ts";

/** The open scopes of a device, outermost first, and whether two async flows opened theirs at once. */
export interface ScopeStack {
  readonly open: Scope[];
  /** Flows whose `run` is running: what is made now is theirs. */
  flows: number;
  /** A look at the end of this turn is planned. */
  watched: boolean;
  /** More than one scope stayed open over an `await`: nobody can tell any more which flow makes what. */
  mixed: boolean;
}

let hold: (scope: Scope) => void;

const MIXED =
  "two scopes of this device are open over an await, so nobody can tell which flow makes what: close a scope " +
  "before you await, or give each flow its own by `using flow = device.flow()` and flow.run(() => ...)";

/** Throws where scopes of several flows are open at once. */
export function assertUnmixed(stack: ScopeStack): void {
  if (stack.mixed && stack.flows === 0) throw new EngineError(MIXED);
}

/**
 * Owns every tensor made while it is the innermost open scope. `using scope = device.scope()` frees all of them at the end
 * of the block but those given to {@link Scope.keep}, which pass to the enclosing scope (or to the caller, if none is open).
 *
 * One scope of a device may stay open over an `await`, and then owns what any async flow makes meanwhile; where a second one
 * does, everything that is made until both are closed throws, but within {@link Scope.run} of a flow. Code that runs several
 * async flows at once gives each a scope of its own by {@link Device.flow}.
 *
 * ```ts
 * import { strictEqual } from "node:assert/strict";
 * import { Device } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * {
 *   using _scope = device.scope();
 *   const x = device.tensor([1, 2, 3]);
 *   strictEqual(await x.mul(x).sum().item(), 14);
 * }
 * strictEqual(device.memory.liveTensors, 0);
 * ```
 */
export class Scope implements Disposable {
  readonly #stack: ScopeStack;
  /** On the stack from its beginning to its end; the scope of a flow is there while `run` runs. */
  readonly #ambient: boolean;
  readonly #owned = new Set<Tensor>();
  readonly #adopted: Disposable[] = [];
  #open = true;
  /** One of an op's or a gradient rule's own, for what it makes on the way. */
  readonly #temporary: boolean;
  /** Open when a turn of the event loop ended. */
  #held = false;

  static {
    hold = (scope) => scope.#held = true;
    befriendScopes({
      openScope: (stack) => new Scope(stack, true),
      openTemporaryScope: (stack) => new Scope(stack, true, true),
      isTemporary: (scope) => scope.#temporary,
      openFlow: (stack) => new Scope(stack, false),
      own: (scope, tensor) => void scope.#owned.add(tensor),
      disown: (scope, tensor) => void scope.#owned.delete(tensor),
    });
  }

  private constructor(stack: ScopeStack, ambient: boolean, temporary = false) {
    this.#stack = stack;
    this.#ambient = ambient;
    this.#temporary = temporary;
    if (!ambient) return;
    stack.open.push(this);
    watch(stack);
  }

  /** Disposes `thing` when the scope closes, a graph made for one step, say; returns it. */
  adopt<T extends Disposable>(thing: T): T {
    this.#adopted.push(thing);
    return thing;
  }

  /** Hands a tensor on to the enclosing scope, or to the caller where there is none; returns it. */
  keep<T extends Tensor>(tensor: T): T {
    const { open } = this.#stack;
    if (this.#owned.delete(tensor)) moveTo(tensor, this.#ambient ? open[open.indexOf(this) - 1] : undefined);
    return tensor;
  }

  /**
   * Makes this the innermost scope while a synchronous function runs; returns what it returns. For scopes of
   * {@link Device.flow}, which are in charge at no other time.
   *
   * @throws {EngineError} where the function returns a promise, leaves a scope open, or the scope is closed.
   */
  run<T>(fn: () => T): T {
    if (!this.#open) throw new EngineError("scope.run: this scope is closed");
    expectFunction("scope.run", "its argument", fn);
    const stack = this.#stack, { open } = stack, depth = open.push(this);
    stack.flows++;
    try {
      const result = fn();
      if (result instanceof Promise) {
        result.catch(() => {});
        throw new EngineError("scope.run: the function is asynchronous; await outside, and go on in another run");
      }
      if (open.length !== depth) throw new EngineError("scope.run: a scope that was opened inside is still open");
      return result;
    } finally {
      stack.flows--;
      open.splice(depth - 1);
    }
  }

  /** Frees what is owned. */
  [Symbol.dispose](): void {
    if (!this.#open) return;
    this.#open = false;
    const { open } = this.#stack, place = open.indexOf(this);
    if (place >= 0) open.splice(place, 1);
    if (open.length === 0) this.#stack.mixed = false;
    for (const thing of this.#adopted.splice(0)) thing[Symbol.dispose]();
    for (const tensor of this.#owned) release(tensor, this.#held ? "a held scope" : undefined);
    this.#owned.clear();
  }
}

/** Looks, when this turn of the event loop is over, which scopes are still open: more than one is a mistake. */
function watch(stack: ScopeStack): void {
  if (stack.watched) return;
  stack.watched = true;
  queueMicrotask(() => {
    stack.watched = false;
    for (const scope of stack.open) hold(scope);
    if (stack.open.length > 1) stack.mixed = true;
  });
}
