/** Errors a user of the engine can meet. Each message says what was asked, what was found and what to do. */

/**
 * Base class of every error the engine throws on purpose.
 *
 * ```ts
 * import { throws } from "node:assert/strict";
 * import { Device, EngineError, ShapeError } from "@itera/itera/engine";
 *
 * await using device = await Device.open();
 * using scope = device.scope();
 * const a = device.zeros([2, 3]), b = device.zeros([4, 5]);
 * // Each kind of mistake has a class of its own.
 * throws(() => a.matmul(b), ShapeError);
 * throws(() => a.matmul(b), EngineError);
 * ```
 */
export class EngineError extends Error {
  /** Tells it apart by name. */
  override readonly name: string = "EngineError";
}

/** The shapes, axes or attributes given to an op do not fit together. */
export class ShapeError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "ShapeError";
}

/**
 * An argument is of a kind that the function does not take: a promise for a tensor, a number in a string, an option or a
 * name that there is not.
 */
export class ArgumentError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "ArgumentError";
}

/** A tensor has another element type than the op takes. */
export class DTypeError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "DTypeError";
}

/**
 * An index or a label is out of range. Indices are on the device, so this is thrown by the next reading after the op, and
 * names the op and the index.
 */
export class IndexError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "IndexError";
}

/** No WebGPU adapter of the wanted kind could be opened. */
export class NoAdapterError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "NoAdapterError";
}

/** The device refused an allocation, or the allocation would exceed the memory limit or a device limit. */
export class OutOfMemoryError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "OutOfMemoryError";
}

/** The GPU device was lost (driver reset, unplugged, destroyed); nothing computed since the last read is to be trusted. */
export class DeviceLostError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "DeviceLostError";
}

/** A shader failed to compile or a dispatch failed validation: a mistake in a kernel, not in its user's program. */
export class KernelError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "KernelError";
}

/**
 * A kernel that `itera doctor --kernels` found to compute wrong numbers with this adapter's driver was wanted, and no other stands
 * in for it.
 */
export class RefusedKernelError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "RefusedKernelError";
}

/** A tensor was used after it, or the scope that owned it, was disposed. */
export class DisposedError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "DisposedError";
}

/** `backward()` was asked of something that has no recorded work, or whose record was already consumed. */
export class GradientError extends EngineError {
  /** Tells it apart by name. */
  override readonly name = "GradientError";
}
