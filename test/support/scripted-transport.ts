import { ReconcileError } from "../../src/runtime/errors.ts";
import type { ApiRequest, ApiStream, Transport } from "../../src/adapters/kubernetes/transport.ts";

/** What a scripted transport answers with; an error rejects. */
export type Script = (request: ApiRequest, signal: AbortSignal) => unknown;

/** A transport that answers by a script and keeps what it was asked. */
export interface ScriptedTransport extends Transport {
  readonly requests: ApiRequest[];
}

/** `stream` answers watches with lines; absent: they say nothing until they are aborted. */
export function createScriptedTransport(
  script: Script,
  stream: (request: ApiRequest, signal: AbortSignal) => ApiStream = (_request, signal) => silentStream(signal),
): ScriptedTransport {
  const requests: ApiRequest[] = [];
  return {
    requests,
    server: () => Promise.resolve("http://scripted"),
    async request(request, signal) {
      requests.push(request);
      signal.throwIfAborted();
      const answer = await script(request, signal);
      if (answer instanceof ReconcileError) throw answer;
      return answer;
    },
    stream(request, signal) {
      requests.push(request);
      return Promise.resolve(stream(request, signal));
    },
    close: () => Promise.resolve(),
  };
}

/** A stream with these lines; it ends after them. */
export function streamOf(lines: readonly string[], code = 200, retryAfter?: number): ApiStream {
  return {
    code,
    retryAfter,
    async *lines() {
      for (const line of lines) yield await Promise.resolve(line);
    },
    end: () => undefined,
  };
}

function silentStream(signal: AbortSignal): ApiStream {
  return {
    code: 200,
    retryAfter: undefined,
    // eslint-disable-next-line require-yield -- it never says anything
    async *lines() {
      await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }));
    },
    end: () => undefined,
  };
}
