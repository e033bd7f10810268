import { isDeepStrictEqual } from "node:util";
import { holdAnnotation, holdOff, unpauseAnnotation } from "../../api/names.ts";
import type { KubernetesObject, Resource } from "../../ports/kubernetes-objects.ts";
import { isPaused } from "./deployment-spec.ts";
import { admissionGroup, holdName, holdRule } from "./hold-rule.ts";
import { valueAt } from "./json-fields.ts";

export const holdWebhooks: Resource = { ...admissionGroup, plural: "mutatingwebhookconfigurations" };

/** The webhook as the API server's messages name it, when it does not answer. */
export const holdWebhookName = "hold.serin.dev";

/** The path under which the webhook is served. */
export const holdPath = "/hold";

/** How the API server reaches the operator, and whose certificates it trusts. */
export interface WebhookClient {
  readonly address:
    { readonly url: string } | { readonly service: { readonly namespace: string; readonly name: string } };
  /** PEM. */
  readonly authorities: string;
}

/**
 * The same rule as the policy's, for API servers that have no such policies: the operator answers. While none does, the
 * first webhook refuses what would have to be held; it is asked about nothing else, so scaling, labels and the
 * controllers do without it. The second sees to templates that somebody else's webhook rewrites after the first was
 * passed over, and is done without while no operator answers.
 */
export function holdWebhookManifest({ address, authorities }: WebhookClient) {
  const caBundle = Buffer.from(authorities).toString("base64");
  const service = (target: object) => ({ service: { ...target, path: holdPath, port: 443 } });
  const { objectSelector, rules, mayMatter, mustAct } = holdRule;
  const common = {
    admissionReviewVersions: ["v1"],
    clientConfig: { ...("url" in address ? address : service(address.service)), caBundle },
    matchPolicy: "Equivalent",
    reinvocationPolicy: "IfNeeded",
    sideEffects: "None",
    namespaceSelector: {},
    objectSelector,
    rules,
  };
  const last = { failurePolicy: "Ignore", timeoutSeconds: 2, matchConditions: mayMatter };
  return {
    apiVersion: `${admissionGroup.group}/${admissionGroup.version}`,
    kind: "MutatingWebhookConfiguration",
    metadata: { name: holdName },
    webhooks: [
      {
        name: holdWebhookName,
        ...common,
        failurePolicy: "Fail",
        timeoutSeconds: 5,
        matchConditions: [...mayMatter, ...mustAct],
      },
      { name: `rewritten.${holdWebhookName}`, ...common, ...last },
    ],
  };
}

interface Review {
  readonly apiVersion: string;
  readonly kind: string;
  readonly request: {
    readonly uid: string;
    readonly object?: KubernetesObject | null;
    readonly oldObject?: KubernetesObject | null;
  };
}

const pausePatch = Buffer.from(JSON.stringify([{ op: "add", path: "/spec/paused", value: true }])).toString("base64");

/** Answers an AdmissionReview. Throws for anything that is none. */
export function answerReview(body: unknown): object {
  const { apiVersion, kind, request } = reviewOf(body);
  const mutation = mustBeHeld(request) ? { patchType: "JSONPatch", patch: pausePatch } : {};
  return { apiVersion, kind, response: { uid: request.uid, allowed: true, ...mutation } };
}

function reviewOf(body: unknown): Review {
  const review = body as Partial<Review> | null;
  if (review?.kind !== "AdmissionReview" || typeof review.request?.uid !== "string")
    throw new Error("this is no AdmissionReview");
  return review as Review;
}

/** The rule once more: an API server before 1.28 knows no conditions, and asks about every update. */
function mustBeHeld({ object, oldObject }: Review["request"]): boolean {
  if (!object || !oldObject || isPaused(object)) return false;
  const annotations = object.metadata.annotations ?? {};
  if (annotations[holdAnnotation] === holdOff) return false;
  const templateOf = (deployment: KubernetesObject) => valueAt(deployment, "spec", "template");
  if (!isDeepStrictEqual(templateOf(object), templateOf(oldObject))) return true;
  return isPaused(oldObject) && annotations[unpauseAnnotation] !== String(oldObject.metadata.generation);
}
