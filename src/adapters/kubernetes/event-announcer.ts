import { apiVersion, fieldManager, group, kind } from "../../api/names.ts";
import { eventReasons } from "../../api/reasons.ts";
import type { Rollout } from "../../api/rollout.ts";
import type { PendingEvent } from "../../api/rollout-status.ts";
import { parseInstant } from "../../api/instant.ts";
import type { Announcer } from "../../ports/announcer.ts";
import type { KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";
import { RejectedError } from "../../runtime/errors.ts";
import type { Logger } from "../../runtime/logger.ts";
import { apiFailureOf } from "./errors.ts";

const events: Resource = { group: "events.k8s.io", version: "v1", plural: "events" };
const deployments: Resource = { group: "apps", version: "v1", plural: "deployments" };

/** Limits of the events API: of the note in bytes, of the words in characters. */
const longestNote = 1_024;
const longestWord = 128;

export interface EventAnnouncerOptions {
  readonly objects: KubernetesObjects;
  /** Names this process. */
  readonly instance: string;
  readonly log: Logger;
}

/** Announces as Kubernetes events. Their names are the same for the same happening, so none is ever there twice. */
export function createEventAnnouncer({ objects, instance, log }: EventAnnouncerOptions): Announcer {
  return {
    async announce(rollout, pending, signal) {
      const delivered: string[] = [];
      for (const event of pending) {
        try {
          await objects.create(events, eventObject(rollout, event, instance, deploymentOf(rollout, objects)), {
            signal,
          });
          delivered.push(event.name);
        } catch (error) {
          if (isDoneWith(error)) {
            delivered.push(event.name);
            continue;
          }
          log.warn("could not announce an event", { event: event.name, reason: event.reason, error });
          // What is refused says nothing about the next one; an API server that does not answer does.
          if (!(error instanceof RejectedError)) break;
        }
      }
      return delivered;
    },
  };
}

/** It is there already; or its namespace is being deleted, takes nothing new, and goes with whoever would read it. */
function isDoneWith(error: unknown): boolean {
  const failure = apiFailureOf(error);
  return failure?.reason === "AlreadyExists" || failure?.causes.includes("NamespaceTerminating") === true;
}

function eventObject(rollout: Rollout, event: PendingEvent, instance: string, related: object | undefined): object {
  const { namespace, name } = rollout.key;
  return {
    apiVersion: "events.k8s.io/v1",
    kind: "Event",
    metadata: { name: event.name, namespace },
    eventTime: new Date(parseInstant(event.at)).toISOString().replace("Z", "000Z"),
    type: eventReasons[event.reason],
    reason: event.reason,
    action: event.action.slice(0, longestWord),
    note: cutToBytes(event.note, longestNote),
    regarding: { apiVersion, kind, namespace, name, uid: rollout.uid },
    ...(related === undefined ? {} : { related }),
    reportingController: `${group}/operator`,
    reportingInstance: instance.slice(0, longestWord) || fieldManager,
  };
}

function deploymentOf(rollout: Rollout, objects: KubernetesObjects): object | undefined {
  const name = rollout.spec?.targetRef?.name;
  if (name === undefined || !objects.watches(deployments)) return undefined;
  const { namespace } = rollout.key;
  const uid = objects.cached(deployments, namespace, name)?.metadata.uid;
  return uid === undefined ? undefined : { apiVersion: "apps/v1", kind: "Deployment", namespace, name, uid };
}

/** The longest beginning of the text that has at most `limit` bytes in UTF-8, with an ellipsis where it was cut. */
export function cutToBytes(text: string, limit: number): string {
  const bytes = Buffer.from(text);
  if (bytes.length <= limit) return text;
  const ellipsis = Buffer.from("…");
  let end = limit - ellipsis.length;
  // Bytes 10xxxxxx continue a character.
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1;
  return bytes.subarray(0, end).toString() + ellipsis.toString();
}
