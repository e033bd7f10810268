// A Prometheus that answers as it should not, when told to.
import { createServer, request as send, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** `hangs`: an answer that takes a minute. */
export const lies = ["errors", "not numbers", "a page", "nothing", "hangs"] as const;
export type Lie = (typeof lies)[number];

export interface LyingPrometheus {
  readonly url: string;
  /** How it answers from now on; undefined: the truth. */
  lie: Lie | undefined;
  /** Queries that were answered with a lie. */
  readonly told: number;
  close(): Promise<void>;
}

const aMinute = 60_000;

export async function startLyingPrometheus(truth: string): Promise<LyingPrometheus> {
  const state = { lie: undefined as Lie | undefined, told: 0 };
  const timers = new Set<NodeJS.Timeout>();
  const server = createServer((request, response) => {
    const { lie } = state;
    if (lie !== undefined) state.told += 1;
    if (lie === undefined || lie === "not numbers") return forward(truth, request, response, lie !== undefined);
    if (lie !== "hangs") return answer(lie, response);
    const timer = setTimeout(() => {
      answer("nothing", response);
    }, aMinute);
    timers.add(timer);
    response.once("close", () => {
      clearTimeout(timer);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(state, {
    url: `http://127.0.0.1:${port}`,
    async close() {
      for (const timer of timers) clearTimeout(timer);
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
}

function answer(lie: "errors" | "a page" | "nothing", response: ServerResponse): void {
  switch (lie) {
    case "errors":
      response.writeHead(500, { "content-type": "application/json" });
      response.end(JSON.stringify({ status: "error", errorType: "internal", error: "expanding series: out of disk" }));
      return;
    case "a page":
      response.writeHead(200, { "content-type": "text/html" }).end("<html><body>Please log in</body></html>");
      return;
    case "nothing":
      response.writeHead(200, { "content-type": "application/json" });
      response.end(JSON.stringify({ status: "success", data: { resultType: "vector", result: [] } }));
  }
}

function forward(truth: string, request: IncomingMessage, response: ServerResponse, withoutNumbers: boolean): void {
  const { method, url = "/", headers } = request;
  const asked = send(new URL(url, truth), { method, headers }, (told) => {
    const chunks: Buffer[] = [];
    told.on("data", (chunk: Buffer) => chunks.push(chunk));
    told.on("end", () => {
      const text = Buffer.concat(chunks).toString();
      // Values are the texts after their dates.
      const body = withoutNumbers ? text.replace(/(\[[\d.]+,)"[^"]*"/g, '$1"NaN"') : text;
      const { "content-length": _, "transfer-encoding": __, ...others } = told.headers;
      response.writeHead(told.statusCode ?? 502, others).end(body);
    });
  });
  asked.on("error", () => response.destroy());
  request.pipe(asked);
}
