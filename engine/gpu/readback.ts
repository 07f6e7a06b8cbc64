/**
 * Reading results. `mapAsync` blocks the thread until the queue is idle and then sleeps about 10 ms, so all reads asked for
 * in one turn of the event loop share one submit, one wait and as few staging pages as they fit in.
 */
import type { IndexFaults } from "./index_faults.ts";
import type { Stream } from "./stream.ts";

const PAGE = 1 << 20;

interface Page {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  used: number;
}

interface Pending {
  readonly page: Page;
  readonly offset: number;
  readonly bytes: number;
  readonly resolve: (data: ArrayBuffer) => void;
  readonly reject: (error: unknown) => void;
}

/** Collects reads and resolves them together. */
export class Readback {
  readonly #device: GPUDevice;
  readonly #stream: Stream;
  readonly #faults: IndexFaults;
  readonly #check: () => void;
  readonly #free: Page[] = [];
  #pages: Page[] = [];
  #pending: Pending[] = [];

  constructor(device: GPUDevice, stream: Stream, faults: IndexFaults, check: () => void) {
    this.#device = device;
    this.#stream = stream;
    this.#faults = faults;
    this.#check = check;
  }

  /** The first `bytes` of `source` as they are at this place of the stream. */
  read(source: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const place = this.#stage(source, bytes);
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) queueMicrotask(() => this.#resolve());
      this.#pending.push({ ...place, bytes, resolve, reject });
    });
  }

  /** Copies bytes to a staging page. */
  #stage(source: GPUBuffer, bytes: number): { readonly page: Page; readonly offset: number } {
    const padded = Math.ceil(bytes / 4) * 4;
    // Ranges are mapped in units of eight bytes.
    const page = this.#page(Math.ceil(padded / 8) * 8);
    const offset = page.used;
    page.used = Math.ceil((offset + padded) / 8) * 8;
    this.#stream.copy(source, 0, page.buffer, offset, padded);
    return { page, offset };
  }

  /** Brings noted faults along and forgets them; nothing where none can have been noted. */
  #stageFaults(): { readonly page: Page; readonly offset: number } | null {
    const faults = this.#faults;
    if (!faults.dirty) return null;
    faults.dirty = false;
    const place = this.#stage(faults.buffer.gpu, faults.bytes);
    this.#stream.copy(faults.zeros, 0, faults.buffer.gpu, 0, faults.bytes);
    return place;
  }

  /** Frees the staging pages. */
  destroy(): void {
    for (const page of [...this.#free, ...this.#pages]) page.buffer.destroy();
  }

  #page(bytes: number): Page {
    const open = this.#pages.find((p) => p.used + bytes <= p.bytes);
    if (open) return open;
    const at = this.#free.findIndex((p) => p.bytes >= bytes);
    const page = at >= 0 ? this.#free.splice(at, 1)[0] : {
      buffer: this.#device.createBuffer({
        label: "readback",
        size: Math.max(PAGE, bytes),
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }),
      bytes: Math.max(PAGE, bytes),
      used: 0,
    };
    this.#pages.push(page);
    return page;
  }

  async #resolve(): Promise<void> {
    const noted = this.#stageFaults();
    const pages = this.#pages;
    const pending = this.#pending;
    this.#pages = [];
    this.#pending = [];
    try {
      this.#stream.flush();
      await Promise.all(pages.map((page) => page.buffer.mapAsync(GPUMapMode.READ, 0, Math.ceil(page.used / 8) * 8)));
      this.#check();
      const views = new Map(pages.map((page) => [page, page.buffer.getMappedRange(0, Math.ceil(page.used / 8) * 8)]));
      const taken = (page: Page, offset: number, bytes: number): ArrayBuffer =>
        views.get(page)!.slice(offset, offset + bytes);
      const results = pending.map((p) => taken(p.page, p.offset, p.bytes));
      const faults = noted && taken(noted.page, noted.offset, this.#faults.bytes);
      for (const page of pages) {
        page.buffer.unmap();
        page.used = 0;
        // Keep ordinary pages; one as large as a feature map is rarely wanted twice.
        if (page.bytes === PAGE && this.#free.length < 4) this.#free.push(page);
        else page.buffer.destroy();
      }
      this.#answer(pending, results, faults);
    } catch (error) {
      for (const page of pages) page.buffer.destroy();
      for (const p of pending) p.reject(error);
    }
  }

  #answer(pending: readonly Pending[], results: readonly ArrayBuffer[], faults: ArrayBuffer | null): void {
    try {
      if (faults) this.#faults.judge(faults);
    } catch (error) {
      for (const p of pending) p.reject(error);
      return;
    }
    pending.forEach((p, i) => p.resolve(results[i]));
  }
}
