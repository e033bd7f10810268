// What the operator's ServiceAccount was granted, and what it asked for by the API server's own log.
import { readFileSync } from "node:fs";
import type { KubernetesObject } from "../cluster/kubernetes.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly verbs: readonly string[];
}

interface Bound extends KubernetesObject {
  readonly rules?: readonly Rule[];
  readonly roleRef?: { readonly name: string };
  readonly subjects?: readonly { readonly name: string }[];
}

/** One request as it was logged. */
interface Logged {
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly name?: string;
  };
  readonly requestURI: string;
  readonly requestReceivedTimestamp: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** `verb group/resource`, one for each verb that roles bound to the account grant. */
export function grantedTo(account: string, manifests: readonly KubernetesObject[]): ReadonlySet<string> {
  const all = manifests as readonly Bound[];
  const names = new Set(
    all.filter(({ subjects }) => subjects?.some(({ name }) => name === account)).map(({ roleRef }) => roleRef?.name),
  );
  const rules = all.filter(({ metadata }) => names.has(metadata?.name)).flatMap((role) => role.rules ?? []);
  return new Set(
    rules.flatMap(({ apiGroups, resources, verbs }) =>
      apiGroups.flatMap((group) => resources.flatMap((each) => verbs.map((verb) => `${verb} ${group}/${each}`))),
    ),
  );
}

export interface Asked {
  readonly used: ReadonlySet<string>;
  /** Requests that were not allowed, a line each. */
  readonly denied: readonly string[];
  /** When it asked for the last time. */
  readonly last: string;
}

/** What the account, `namespace:name`, asked for, by the audit log; with `until` only what it asked for before that. */
export function askedBy(account: string, auditLog: string, until?: string): Asked {
  const lines = readFileSync(auditLog, "utf8").split("\n");
  const all = lines.filter((line) => line !== "").map((line) => JSON.parse(line) as Logged);
  const own = all
    .filter(({ user }) => user.username.endsWith(`:${account}`))
    .filter(({ requestReceivedTimestamp: at }) => until === undefined || at < until);
  return {
    used: new Set(own.filter(isAllowed).map(nameOf)),
    denied: own.filter((one) => !isAllowed(one)).map(({ verb, requestURI }) => `${verb} ${requestURI}`),
    last: own.at(-1)?.requestReceivedTimestamp ?? "",
  };
}

/** What admission refuses is another matter: that the account may ask is what counts. */
function isAllowed({ annotations }: Logged): boolean {
  return annotations?.["authorization.k8s.io/decision"] !== "forbid";
}

function nameOf({ verb, objectRef = {} }: Logged): string {
  const { apiGroup = "", resource = "", subresource } = objectRef;
  return `${verb} ${apiGroup}/${resource}${subresource === undefined ? "" : `/${subresource}`}`;
}
