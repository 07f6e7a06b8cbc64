/** PyTorch's tensors and storages as its pickles describe them. */
import { PickleName, type PickleRules } from "./pickle.ts";
import { claimedSize, type Element, ELEMENT_BYTES, type StoredTensor, toFloat32, WeightsError } from "./stored.ts";

const STORAGES: Readonly<Record<string, Element>> = {
  "torch.FloatStorage": "f32",
  "torch.DoubleStorage": "f64",
  "torch.HalfStorage": "f16",
  "torch.BFloat16Storage": "bf16",
  "torch.LongStorage": "i64",
  "torch.IntStorage": "i32",
  "torch.ShortStorage": "i16",
  "torch.CharStorage": "i8",
  "torch.ByteStorage": "u8",
  "torch.BoolStorage": "bool",
};

/** A run of elements that tensors are views of; several may share one. */
export class Storage {
  readonly key: string;
  readonly element: Element;
  /** Elements. */
  readonly length: number;
  /** The elements' bytes; absent until the file's reader has read them. */
  bytes: Uint8Array | undefined;

  /** `length` elements that the file keeps under `key`. */
  constructor(key: string, element: Element, length: number) {
    this.key = key;
    this.element = element;
    this.length = length;
  }

  /** Bytes the elements take. */
  get size(): number {
    return this.length * ELEMENT_BYTES[this.element];
  }
}

/** Axes of a tensor, and how often it may repeat each element of its storage. */
const [MOST_AXES, MOST_REPEATED] = [64, 8];

/** Containers inside one another; a state dict has a few. */
const DEEPEST = 100;

/** Values that stand beside weights in training's own files: NumPy's numbers and arrays, settings, times, places. */
const HARMLESS: ReadonlySet<string> = new Set([
  ...["numpy.core", "numpy._core"].flatMap((core) => [`${core}.multiarray.scalar`, `${core}.multiarray._reconstruct`]),
  ...["numpy.dtype", "numpy.ndarray", "_codecs.encode", "argparse.Namespace", "types.SimpleNamespace"],
  ...["bool_", "float16", "float32", "float64", "int32", "int64", "uint8"].map((name) => `numpy.${name}`),
  ...["date", "datetime", "time", "timedelta"].map((name) => `datetime.${name}`),
  ...["Path", "PosixPath", "WindowsPath", "PurePosixPath"].map((name) => `pathlib.${name}`),
  ...["builtins", "__builtin__"].flatMap((module) =>
    ["set", "frozenset", "slice", "range", "complex", "bytearray", "int", "float", "str", "list", "dict"].map((name) =>
      `${module}.${name}`
    )
  ),
  ...["device", "float16", "float32", "float64", "bfloat16", "int32", "int64", "uint8", "bool"].map((name) =>
    `torch.${name}`
  ),
]);

/** A tensor found in a pickle. */
export class TorchTensor {
  readonly #storage: Storage;
  readonly #offset: number;
  readonly #strides: readonly number[];
  /** Extents, outermost axis first. */
  readonly shape: readonly number[];

  /** A view of `storage`, offset and strides in elements. Throws {@link WeightsError} when it reaches outside. */
  constructor(storage: Storage, offset: number, shape: readonly number[], strides: readonly number[]) {
    const size = claimedSize(storage.key, shape);
    const counts = [offset, ...strides];
    const last = offset + shape.reduce((sum, extent, axis) => sum + (extent - 1) * strides[axis], 0);
    if (
      strides.length !== shape.length || !counts.every((n) => Number.isSafeInteger(n) && n >= 0) ||
      (size > 0 && last >= storage.length)
    ) {
      throw new WeightsError(
        `a tensor of shape [${shape.join(", ")}] reaches outside its storage of ${storage.length} elements`,
      );
    }
    // Strides of zero repeat elements; a shape of many times what is there is a claim, not a tensor.
    if (size > MOST_REPEATED * storage.length) {
      throw new WeightsError(
        `a tensor of shape [${shape.join(", ")}] repeats its storage of ${storage.length} elements too often`,
      );
    }
    this.#storage = storage;
    this.#offset = offset;
    this.#strides = strides;
    this.shape = shape;
  }

  /** The tensor with its elements at hand. */
  stored(): StoredTensor {
    return { shape: this.shape, read: () => this.#read() };
  }

  #read(): Float32Array<ArrayBuffer> {
    const { bytes, element } = this.#storage;
    const size = this.shape.reduce((product, extent) => product * extent, 1);
    if (size === 0) return new Float32Array(0);
    const all = (from: number, to: number): Float32Array<ArrayBuffer> =>
      toFloat32(bytes!.subarray(from * ELEMENT_BYTES[element], to * ELEMENT_BYTES[element]), element);
    let dense = 1;
    const packed = this.shape.every((_, i) => {
      const axis = this.shape.length - 1 - i;
      const fits = this.shape[axis] === 1 || this.#strides[axis] === dense;
      dense *= this.shape[axis];
      return fits;
    });
    if (packed) return all(this.#offset, this.#offset + size);
    const whole = all(0, this.#storage.length);
    const out = new Float32Array(size);
    const index = this.shape.map(() => 0);
    for (let i = 0; i < size; i++) {
      out[i] = whole[index.reduce((at, n, axis) => at + n * this.#strides[axis], this.#offset)];
      for (let axis = index.length - 1; axis >= 0 && ++index[axis] === this.shape[axis]; axis--) index[axis] = 0;
    }
    return out;
  }
}

/** Rules for the pickles of PyTorch's files; every storage named is put into `storages` once. */
export function torchRules(storages: Map<string, Storage>): PickleRules {
  const rebuild = (storage: unknown, offset: unknown, shape: unknown, strides: unknown): TorchTensor => {
    if (!(storage instanceof Storage) || !isNumbers(shape) || !isNumbers(strides) || typeof offset !== "number") {
      throw new WeightsError("a tensor is not described by a storage, an offset, a shape and strides");
    }
    return new TorchTensor(storage, offset, shape, strides);
  };
  return {
    calls: {
      "torch._utils._rebuild_tensor": rebuild,
      "torch._utils._rebuild_tensor_v2": rebuild,
      "torch._utils._rebuild_parameter": (tensor) => tensor,
      "torch.Size": (shape) => shape,
      "collections.OrderedDict": (pairs = []) => {
        if (!Array.isArray(pairs) || !pairs.every((pair) => Array.isArray(pair) && pair.length === 2)) {
          throw new WeightsError("a dict is not made of pairs");
        }
        return new Map(pairs as [unknown, unknown][]);
      },
      "collections.defaultdict": () => new Map(),
      "collections.Counter": () => new Map(),
    },
    harmless: HARMLESS,
    names: new Set(Object.keys(STORAGES)),
    persistent: (id) => {
      const [kind, type, key, , length] = Array.isArray(id) ? id : [];
      const element = type instanceof PickleName ? STORAGES[type.name] : undefined;
      if (kind !== "storage" || !element || typeof key !== "string" || !isCount(length)) {
        throw new WeightsError("a storage is not described by a type, a key and a length");
      }
      const before = storages.get(key);
      if (before && (before.element !== element || before.length !== length)) {
        throw new WeightsError(`storage "${key}" is described twice, each time differently`);
      }
      const storage = before ?? new Storage(key, element, length);
      storages.set(key, storage);
      return storage;
    },
  };
}

/** All tensors below dicts and lists, by dotted path. */
export function tensorsIn(value: unknown): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  const seen = new Set<unknown>();
  const visit = (item: unknown, path: string, depth: number): void => {
    if (depth > DEEPEST) throw new WeightsError(`more than ${DEEPEST} dicts and lists lie inside one another`);
    if (item instanceof TorchTensor) {
      if (found.has(path)) throw new WeightsError(`the name "${path}" is there twice`);
      found.set(path, item.stored());
    }
    if (!(item instanceof Map || Array.isArray(item)) || seen.has(item)) return;
    seen.add(item);
    const entries: Iterable<[unknown, unknown]> = item.entries();
    for (const [key, inner] of entries) {
      // Anything else as a key names no weights, and as text it could be of any length.
      if (typeof key !== "string" && typeof key !== "number") continue;
      visit(inner, path === "" ? String(key) : `${path}.${key}`, depth + 1);
    }
  };
  visit(value, "", 0);
  return found;
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function isNumbers(value: unknown): value is number[] {
  return Array.isArray(value) && value.length <= MOST_AXES && value.every((v) => typeof v === "number");
}
