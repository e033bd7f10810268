import { fieldManager } from "../../api/names.ts";
import type { KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";
import { TransientError } from "../../runtime/errors.ts";
import type { WatchSource } from "../../runtime/informer.ts";
import type { WatchFailure, WatchMessage } from "../../runtime/watch.ts";
import { apiFailureOf, statusOf } from "./errors.ts";
import { listObjects, selectorOf } from "./object-list.ts";
import { collectionPath } from "./resource-path.ts";
import type { ApiStream, Transport } from "./transport.ts";

/** How long the API server is asked to keep a watch open, spread so that watches do not end together. Seconds. */
const watchLength = { shortest: 270, spread: 60 };

type Message = WatchMessage<KubernetesObject> | { readonly kind: "failed"; readonly failure: WatchFailure };

interface WatchEvent {
  readonly type?: string;
  readonly object?: KubernetesObject & { readonly code?: number };
}

/** Lists and watches one resource over a transport; with a name, that one object. */
export function createWatchSource(
  transport: Transport,
  where: { readonly resource: Resource; readonly namespace: string | undefined; readonly name?: string },
  random: () => number,
): WatchSource<KubernetesObject> {
  return {
    async list(signal) {
      try {
        const { objects, version } = await listObjects(transport, where, signal);
        return { kind: "listed", objects: objects.map(withoutFieldSets), version };
      } catch (error) {
        return { kind: "failed", failure: failureOf(error) };
      }
    },

    async *watch(version, signal) {
      const query = {
        watch: "true",
        allowWatchBookmarks: "true",
        ...selectorOf(where),
        resourceVersion: version,
        timeoutSeconds: String(Math.round(watchLength.shortest + watchLength.spread * random())),
      };
      const path = collectionPath(where.resource, where.namespace);
      const stream = await transport.stream({ method: "GET", path, query }, signal);
      try {
        yield* stream.code === 200 ? readEvents(stream) : refused(stream);
      } finally {
        stream.end();
      }
    },
  };
}

async function* readEvents(stream: ApiStream): AsyncIterable<Message> {
  for await (const line of stream.lines()) yield messageOf(line);
}

async function* refused(stream: ApiStream): AsyncIterable<Message> {
  const lines: string[] = [];
  for await (const line of stream.lines()) lines.push(line);
  yield { kind: "failed", failure: failureOfCode(stream.code, messageIn(lines.join("\n")), stream.retryAfter) };
}

function messageIn(text: string): string | undefined {
  try {
    return statusOf(JSON.parse(text))?.message;
  } catch {
    // Whatever is between us and the API server answered.
    return undefined;
  }
}

function messageOf(line: string): Message {
  const { type, object } = JSON.parse(line) as WatchEvent;
  if (object === undefined) return failed("a watch event without an object");
  switch (type) {
    case "ADDED":
    case "MODIFIED":
      return { kind: "changed", object: withoutFieldSets(object) };
    case "DELETED":
      return { kind: "deleted", object: withoutFieldSets(object) };
    case "BOOKMARK":
      return { kind: "bookmark", version: object.metadata.resourceVersion ?? "" };
    case "ERROR":
      return { kind: "failed", failure: failureOfCode(object.code ?? 0, statusOf(object)?.message, undefined) };
    default:
      return failed(`a watch event of type ${type ?? "(none)"}`);
  }
}

function failed(message: string): Message {
  return { kind: "failed", failure: { kind: "other", message } };
}

function failureOf(error: unknown): WatchFailure {
  const answer = apiFailureOf(error);
  if (answer !== undefined) {
    const retryAfter = error instanceof TransientError ? error.retryAfter : undefined;
    return failureOfCode(answer.code, answer.message, retryAfter);
  }
  return { kind: "other", message: error instanceof Error ? error.message : String(error) };
}

function failureOfCode(code: number, message: string | undefined, retryAfter: number | undefined): WatchFailure {
  const kind = code === 410 ? "expired" : code === 404 ? "unserved" : "other";
  return { kind, message: message ?? `HTTP ${code}`, retryAfter };
}

/**
 * Who wrote an object, and when, is worth keeping; which fields, is more than the rest of the object. But for what the
 * operator has applied: these are few, and by them it knows what is still its own.
 */
function withoutFieldSets(object: KubernetesObject): KubernetesObject {
  const { managedFields } = object.metadata;
  if (managedFields === undefined) return object;
  const writers = managedFields.map(({ manager, operation, time, ...fields }) => ({
    ...(manager === fieldManager && operation === "Apply" ? fields : {}),
    ...(manager === undefined ? {} : { manager }),
    ...(operation === undefined ? {} : { operation }),
    ...(time === undefined ? {} : { time }),
  }));
  return { ...object, metadata: { ...object.metadata, managedFields: writers } };
}
