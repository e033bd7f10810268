import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** One request as an Envoy logged it; what Envoy could not say is null. */
export interface AccessLogEntry {
  readonly authority: string | null;
  readonly method: string | null;
  readonly code: number;
  readonly flags: string | null;
  readonly host: string | null;
  readonly cluster: string | null;
  readonly duration: number;
  readonly route: string | null;
  readonly contentType: string | null;
  readonly grpcStatus: number | string | null;
}

export interface AccessLogReader {
  stop(): Promise<void>;
}

export interface AccessLogOptions {
  readonly path: string;
  readonly onEntry: (entry: AccessLogEntry) => void;
  /** Makes the writer open the file anew under its name. */
  readonly reopen: () => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
  readonly rotateAtBytes?: number;
}

const pollMs = 50;
const chunkBytes = 256 * 1024;
const defaultRotateAtBytes = 32 * 1024 * 1024;

/** Follows an access log; a file that has grown large is read to its end and removed. */
export function followAccessLog(options: AccessLogOptions): AccessLogReader {
  const abort = new AbortController();
  const running = follow(options, abort.signal).catch(options.onTrouble);
  return {
    async stop() {
      abort.abort();
      await running;
    },
  };
}

async function follow(options: AccessLogOptions, signal: AbortSignal): Promise<void> {
  const { path, rotateAtBytes = defaultRotateAtBytes } = options;
  const lines = lineReader(options.onEntry);
  const buffer = Buffer.alloc(chunkBytes);
  let file = await open(path, "r");
  let position = 0;
  while (!signal.aborted) {
    position += await readOn(file, position, buffer, lines);
    if (position > rotateAtBytes) {
      const old = `${path}.old`;
      await rename(path, old);
      await options.reopen();
      const next = await openWhenThere(path, signal);
      // The writer has the new file now: what is left in the old one is complete.
      await readOn(file, position, buffer, lines);
      await file.close();
      await rm(old, { force: true });
      file = next;
      position = 0;
    }
    await delay(pollMs, undefined, { signal }).catch(() => undefined);
  }
  await readOn(file, position, buffer, lines);
  await file.close();
}

async function openWhenThere(path: string, signal: AbortSignal): Promise<FileHandle> {
  for (;;) {
    try {
      return await open(path, "r");
    } catch (error) {
      if (signal.aborted) throw error;
      await delay(pollMs);
    }
  }
}

async function readOn(file: FileHandle, from: number, buffer: Buffer, lines: (text: Buffer) => void): Promise<number> {
  let read = 0;
  for (;;) {
    const { bytesRead } = await file.read(buffer, 0, buffer.length, from + read);
    if (bytesRead === 0) return read;
    lines(buffer.subarray(0, bytesRead));
    read += bytesRead;
  }
}

function lineReader(onEntry: (entry: AccessLogEntry) => void): (chunk: Buffer) => void {
  const decoder = new TextDecoder();
  let rest = "";
  return (chunk) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onEntry(JSON.parse(line) as AccessLogEntry);
  };
}
