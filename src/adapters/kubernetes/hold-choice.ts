import { isDeepStrictEqual } from "node:util";
import type { Milliseconds } from "../../api/instant.ts";
import type { KubernetesObject, KubernetesObjects, Resource } from "../../ports/kubernetes-objects.ts";
import { NotFoundError, RejectedError } from "../../runtime/errors.ts";
import { holdPolicies, holdPolicyBindings, holdPolicyManifests } from "./hold-policy.ts";
import { holdName } from "./hold-rule.ts";
import { tryUntilHeld, type TrialOutcome } from "./hold-trial.ts";
import { holdWebhookManifest, holdWebhooks, type WebhookClient } from "./hold-webhook.ts";

/** How changed templates are held back, and why so. */
export interface Hold {
  readonly hold: "Policy" | "Webhook" | "Paused";
  /** For the log. */
  readonly reason: string;
  /** There was no Deployment to try it on: what is written above is believed, not seen. */
  readonly untried?: boolean;
}

/** What a hold is chosen by. */
export interface HoldChoice {
  /** Must watch Deployments. */
  readonly objects: KubernetesObjects;
  readonly wanted: "auto" | "policy" | "webhook" | "paused";
  /** How the API server reaches this operator's webhook; or why it is not served. */
  readonly webhook: () => WebhookClient | { readonly missing: string };
  /** Told about every object that was put in place, as it is stored. */
  readonly onWritten: (resource: Resource, stored: KubernetesObject) => void;
}

/** How long an API server may take to act on what was put in place before it is not counted on. */
const effectiveWithin: Milliseconds = 10_000;

type Attempt = { readonly held: Hold } | { readonly notHeld: string };

/**
 * Puts the first hold that works in place, the policy before the webhook, and tries it with a change that is not
 * stored. "Paused" when none works. Rejects with a TransientError when the API server does not answer.
 */
export async function chooseHold(choice: HoldChoice, signal: AbortSignal): Promise<Hold> {
  const { objects, wanted } = choice;
  const reasons: string[] = [];
  if (wanted === "auto" || wanted === "policy") {
    const attempt = await tryPolicy(choice, signal);
    if ("held" in attempt) return (await removeWebhook(objects, signal)) ? chooseHold(choice, signal) : attempt.held;
    reasons.push(attempt.notHeld);
  }
  if (wanted === "auto" || wanted === "webhook") {
    const attempt = await tryWebhook(choice, signal);
    if ("held" in attempt) return attempt.held;
    reasons.push(attempt.notHeld);
  }
  if (wanted === "paused") {
    reasons.push("asked for by --hold");
    await removeWebhook(objects, signal);
  }
  return { hold: "Paused", reason: reasons.join("; ") };
}

async function tryPolicy({ objects, onWritten }: HoldChoice, signal: AbortSignal): Promise<Attempt> {
  try {
    for (const [index, manifest] of holdPolicyManifests.entries()) {
      const resource = index === 0 ? holdPolicies : holdPolicyBindings;
      const stored = await asItShouldBe(objects, resource, manifest, signal);
      onWritten(resource, stored ?? (await put(objects, resource, manifest, "spec", signal)));
    }
  } catch (error) {
    if (error instanceof NotFoundError) {
      const { plural, version } = holdPolicies;
      return { notHeld: `the API server does not serve ${plural} ${version}; it needs Kubernetes 1.36` };
    }
    if (!(error instanceof RejectedError)) throw error;
    return withoutRight(objects, error, signal);
  }
  const outcome = await tryUntilHeld(objects, effectiveWithin, signal);
  return judge("Policy", outcome);
}

/**
 * The object, where it says what it should and need not be written: a chart may have put it there, and the operator not
 * have the right to.
 */
async function asItShouldBe(
  objects: KubernetesObjects,
  resource: Resource,
  { metadata: { name }, spec }: (typeof holdPolicyManifests)[number],
  signal: AbortSignal,
): Promise<KubernetesObject | undefined> {
  const found = await objects.read(resource, undefined, name, signal).catch((error: unknown) => {
    // Who may not look may still be allowed to write.
    if (error instanceof RejectedError) return undefined;
    throw error;
  });
  return isDeepStrictEqual(found?.spec, spec) ? found : undefined;
}

/** Somebody else may have put it there. */
async function withoutRight(objects: KubernetesObjects, error: RejectedError, signal: AbortSignal): Promise<Attempt> {
  const outcome = await tryUntilHeld(objects, 0, signal);
  if (outcome.kind === "Held") {
    const reason = `the policy was installed by somebody else (writing it was refused: ${error.message})`;
    return { held: { hold: "Policy", reason } };
  }
  return { notHeld: `the policy could not be written: ${error.message}` };
}

async function tryWebhook({ objects, webhook, onWritten }: HoldChoice, signal: AbortSignal): Promise<Attempt> {
  const client = webhook();
  if ("missing" in client) return { notHeld: `the webhook is not served: ${client.missing}` };
  try {
    const manifest = holdWebhookManifest(client);
    onWritten(holdWebhooks, await put(objects, holdWebhooks, manifest, "webhooks", signal));
  } catch (error) {
    if (!(error instanceof RejectedError)) throw error;
    return { notHeld: `the webhook could not be configured: ${error.message}` };
  }
  const outcome = await tryUntilHeld(objects, effectiveWithin, signal);
  // When the API server itself is away this rejects: nothing is known then, and nothing changes.
  if (outcome.kind === "Unanswered") await objects.read(holdWebhooks, undefined, holdName, signal);
  return judge("Webhook", outcome);
}

function judge(hold: "Policy" | "Webhook", outcome: TrialOutcome): Attempt {
  const what = hold === "Policy" ? "the policy" : "the webhook";
  switch (outcome.kind) {
    case "Held":
      return { held: { hold, reason: `${what} is in place and a trial change was held` } };
    case "NothingToTry":
      return { held: { hold, reason: `${what} is in place; there is no Deployment yet to try it on`, untried: true } };
    case "NotHeld":
      return { notHeld: `${what} had no effect within ${effectiveWithin / 1_000} s` };
    case "Unanswered":
      return { notHeld: `a trial of ${what} was not answered: ${outcome.message}` };
  }
}

/** Makes the object what it should be, whatever somebody made of it: a member that is ours is replaced as a whole. */
async function put(
  objects: KubernetesObjects,
  resource: Resource,
  manifest: { readonly metadata: { readonly name: string } },
  member: "spec" | "webhooks",
  signal: AbortSignal,
): Promise<KubernetesObject> {
  const value = (manifest as unknown as Readonly<Record<string, unknown>>)[member];
  const patch = [{ op: "replace", path: `/${member}`, value }] as const;
  try {
    return await objects.jsonPatch(resource, undefined, manifest.metadata.name, patch, { signal });
  } catch (error) {
    if (!(error instanceof NotFoundError)) throw error;
    return objects.apply(resource, manifest, { signal });
  }
}

/** One that nobody serves any more would refuse every change. Answers whether there was one. */
async function removeWebhook(objects: KubernetesObjects, signal: AbortSignal): Promise<boolean> {
  const found = await objects.read(holdWebhooks, undefined, holdName, signal).catch((error: unknown) => {
    // Without the right to look there was none of ours.
    if (error instanceof RejectedError) return undefined;
    throw error;
  });
  if (found === undefined) return false;
  await objects.remove(holdWebhooks, found, { signal });
  return true;
}
