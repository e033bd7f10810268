import { Worker } from "node:worker_threads";
import { mostKnown, TableReader, type Parsed } from "./answer-table.ts";
import { readAnswer, type Answer, type Problem } from "./answers.ts";
import type { Labels } from "./series.ts";

export interface ParseJob {
  readonly id: number;
  readonly status: number;
  readonly body: Uint8Array;
}

export interface ParseResult {
  readonly id: number;
  readonly parsed: Parsed;
}

/** Understands responses; whatever they are, it never rejects. The labels of a series are the same object each time. */
export type Parse = (status: number, body: Uint8Array) => Promise<Answer>;

/** Smaller ones are read at once: a thread would cost more than the millisecond that it saves. */
const large = 128 * 1024;

const died: Problem = { kind: "Problem", cause: "Refused", problem: "answered with more than could be read" };

/** Reads large responses in a thread of its own, which is there from the first of them on. */
export function createParser(): Parse {
  const known = new Map<string, Labels>();
  let thread: ParseThread | undefined;
  return async (status, body) => {
    if (body.byteLength < large) return withKnownLabels(known, readAnswer(status, Buffer.from(body).toString("utf8")));
    if (thread?.isDead !== false) thread = new ParseThread();
    return thread.parse(status, body);
  };
}

/** What follows from labels is found once for each object of them. */
function withKnownLabels(known: Map<string, Labels>, answer: Answer): Answer {
  if (answer.kind !== "Series") return answer;
  if (known.size >= mostKnown) known.clear();
  const series = answer.series.map(({ labels, samples }) => {
    // Prometheus sorts them.
    const text = JSON.stringify(labels);
    const before = known.get(text);
    if (before === undefined) known.set(text, labels);
    return { labels: before ?? labels, samples };
  });
  return { kind: "Series", series };
}

class ParseThread {
  readonly #worker = new Worker(new URL(`./parse-worker${extension()}`, import.meta.url));
  readonly #reader = new TableReader();
  readonly #waiting = new Map<number, (answer: Answer | Promise<Answer>) => void>();
  #jobs = 0;
  isDead = false;

  constructor() {
    this.#worker.unref();
    this.#worker.on("message", ({ id, parsed }: ParseResult) => this.#waiting.get(id)?.(this.#read(parsed)));
    for (const end of ["error", "exit"]) this.#worker.on(end, () => this.#giveUp());
  }

  async parse(status: number, body: Uint8Array): Promise<Answer> {
    const job: ParseJob = { id: (this.#jobs += 1), status, body };
    const answer = new Promise<Answer>((resolve) => this.#waiting.set(job.id, resolve));
    this.#worker.postMessage(job);
    return answer.finally(() => this.#waiting.delete(job.id));
  }

  async #read(parsed: Parsed): Promise<Answer> {
    return parsed.kind === "Table" ? { kind: "Series", series: await this.#reader.takeUp(parsed) } : parsed;
  }

  #giveUp(): void {
    this.isDead = true;
    for (const answer of this.#waiting.values()) answer(died);
  }
}

/** As sources are run, or as they were compiled. */
function extension(): string {
  return import.meta.url.endsWith(".ts") ? ".ts" : ".js";
}
