import { z } from "zod";
import type { Instant } from "../../api/instant.ts";
import type { Sample, Series } from "./series.ts";

/** Seconds with a fraction, and the value as text, which may be NaN or +Inf. */
const point = z.tuple([z.number(), z.string()]);
const labels = z.record(z.string(), z.string());

const result = z.discriminatedUnion("resultType", [
  z.object({
    resultType: z.literal("matrix"),
    result: z.array(z.object({ metric: labels, values: z.array(point).optional() })),
  }),
  z.object({ resultType: z.literal("vector"), result: z.array(z.object({ metric: labels, value: point.optional() })) }),
  z.object({ resultType: z.literal("scalar"), result: point }),
]);

const answer = z.discriminatedUnion("status", [
  z.object({ status: z.literal("success"), data: result }),
  z.object({ status: z.literal("error"), errorType: z.string().optional(), error: z.string().optional() }),
]);

/** What Prometheus's query API answers, checked. */
export type Answer =
  | { readonly kind: "Series"; readonly series: readonly Series[] }
  | { readonly kind: "Scalar"; readonly value: number }
  | Problem;

/**
 * `problem` is the part of a sentence that follows the address. `Refused`: this query cannot be answered, others may
 * be. `Away`: nothing can be asked now. `Late`: no answer in time, which may be due to either. `Stopped`: by us.
 */
export interface Problem {
  readonly kind: "Problem";
  readonly cause: "Refused" | "Away" | "Late" | "Stopped";
  readonly problem: string;
}

/** What is said of a query that was not waited for any longer. */
export function givenUp({ reason }: Pick<AbortSignal, "reason">): Problem {
  const isLate = reason instanceof DOMException && reason.name === "TimeoutError";
  if (isLate) return { kind: "Problem", cause: "Late", problem: "did not answer in time" };
  return { kind: "Problem", cause: "Stopped", problem: "was not waited for, because the operator is stopping" };
}

/** Understands a response; whatever it is, it never throws. */
export function readAnswer(status: number, body: string): Answer {
  const parsed = answer.safeParse(parseJson(body));
  if (!parsed.success) {
    // A proxy in front answers with a page of its own: its status is all that can be said.
    if (isOk(status)) return refused("answered with something that is not Prometheus's JSON");
    return { kind: "Problem", cause: awayStatus.has(status) ? "Away" : "Refused", problem: `answered ${status}` };
  }
  if (parsed.data.status === "error") {
    const { errorType = "", error = errorType } = parsed.data;
    const cause = lateTypes.has(errorType) ? "Late" : awayStatus.has(status) ? "Away" : "Refused";
    return { kind: "Problem", cause, problem: `refused the query: ${error === "" ? `status ${status}` : error}` };
  }
  if (!isOk(status)) return refused(`answered ${status}`);
  return read(parsed.data.data);
}

function read(data: z.infer<typeof result>): Answer {
  switch (data.resultType) {
    case "scalar":
      return { kind: "Scalar", value: Number(data.result[1]) };
    case "vector":
      return { kind: "Series", series: data.result.map(({ metric, value }) => series(metric, value ? [value] : [])) };
    case "matrix":
      return { kind: "Series", series: data.result.map(({ metric, values }) => series(metric, values ?? [])) };
  }
}

function series(metric: Series["labels"], points: readonly z.infer<typeof point>[]): Series {
  const samples = points.map(([seconds, text]): Sample => ({ at: instantOf(seconds), values: [Number(text)] }));
  return { labels: metric, samples: samples.filter(({ values }) => values.every(Number.isFinite)) };
}

/** Prometheus keeps whole milliseconds and writes them as a fraction of seconds. */
function instantOf(seconds: number): Instant {
  return Math.round(seconds * 1_000);
}

/** What Prometheus calls a query that took it too long, or that it gave up (web/api/v1 of Prometheus). */
const lateTypes: ReadonlySet<string> = new Set(["timeout", "canceled"]);

/** Too many requests, and what proxies say of a server that is not there. */
const awayStatus: ReadonlySet<number> = new Set([429, 502, 503, 504]);

function isOk(status: number): boolean {
  return status >= 200 && status < 300;
}

function refused(problem: string): Answer {
  return { kind: "Problem", cause: "Refused", problem };
}

function parseJson(body: string): unknown {
  try {
    return JSON.parse(body) as unknown;
  } catch {
    return undefined;
  }
}
