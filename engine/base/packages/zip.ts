/** zip.js: entries of ZIP archives, which PyTorch's files and data sets are. */
export { type Entry, Reader, Uint8ArrayReader, Uint8ArrayWriter, ZipReader } from "npm:@zip.js/zip.js@2.24.0";
