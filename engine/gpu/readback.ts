/**
 * Reading results. `mapAsync` blocks the thread until the queue is idle and then sleeps about 10 ms, so all reads asked for
 * in one turn of the event loop share one submit, one wait and as few staging pages as they fit in.
 */
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
  readonly #check: () => void;
  readonly #free: Page[] = [];
  #pages: Page[] = [];
  #pending: Pending[] = [];

  constructor(device: GPUDevice, stream: Stream, check: () => void) {
    this.#device = device;
    this.#stream = stream;
    this.#check = check;
  }

  /** The first `bytes` of `source` as they are at this place of the stream. */
  read(source: GPUBuffer, bytes: number): Promise<ArrayBuffer> {
    const padded = Math.ceil(bytes / 4) * 4;
    // Ranges are mapped in units of eight bytes.
    const page = this.#page(Math.ceil(padded / 8) * 8);
    const offset = page.used;
    page.used = Math.ceil((offset + padded) / 8) * 8;
    this.#stream.copy(source, 0, page.buffer, offset, padded);
    return new Promise((resolve, reject) => {
      if (this.#pending.length === 0) queueMicrotask(() => this.#resolve());
      this.#pending.push({ page, offset, bytes, resolve, reject });
    });
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
    const pages = this.#pages;
    const pending = this.#pending;
    this.#pages = [];
    this.#pending = [];
    try {
      this.#stream.flush();
      await Promise.all(pages.map((page) => page.buffer.mapAsync(GPUMapMode.READ, 0, Math.ceil(page.used / 8) * 8)));
      this.#check();
      const views = new Map(pages.map((page) => [page, page.buffer.getMappedRange(0, Math.ceil(page.used / 8) * 8)]));
      const results = pending.map((p) => views.get(p.page)!.slice(p.offset, p.offset + p.bytes));
      for (const page of pages) {
        page.buffer.unmap();
        page.used = 0;
        // Keep ordinary pages; one as large as a feature map is rarely wanted twice.
        if (page.bytes === PAGE && this.#free.length < 4) this.#free.push(page);
        else page.buffer.destroy();
      }
      pending.forEach((p, i) => p.resolve(results[i]));
    } catch (error) {
      for (const page of pages) page.buffer.destroy();
      for (const p of pending) p.reject(error);
    }
  }
}
