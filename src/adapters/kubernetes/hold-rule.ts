import { holdAnnotation, holdOff, rolloutLabel, unpauseAnnotation } from "../../api/names.ts";

export const admissionGroup = { group: "admissionregistration.k8s.io", version: "v1" } as const;

/** Name of whatever holds in the API server: the policy and its binding, or the webhook configuration. */
export const holdName = "serin-hold";

const paused = "object.spec.?paused.orValue(false)";
const sameTemplate = "object.spec.template == oldObject.spec.template";
const askedFor = `object.metadata.?annotations[?"${unpauseAnnotation}"].orValue("") == string(oldObject.metadata.generation)`;
const switchedOff = `object.metadata.?annotations[?"${holdAnnotation}"].orValue("") == "${holdOff}"`;

/**
 * Which updates are held, whoever holds them: those that change the template of a released Deployment, or that would
 * unpause it without the operator's token. `mayMatter` and `mustAct` must all be true; each is in CEL.
 */
export const holdRule = {
  // Matches when the old object or the new one has the label, so taking it off and changing the template in one go is held too.
  objectSelector: { matchExpressions: [{ key: rolloutLabel, operator: "Exists" }] },
  rules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["deployments"], scope: "*" }],
  mayMatter: [
    { name: "not-paused", expression: `!${paused}` },
    { name: "not-switched-off", expression: `!(${switchedOff})` },
  ],
  /**
   * Not to be left to match conditions alone: who was passed over by them in the first round is not asked again after
   * somebody else's webhook has rewritten the template.
   */
  mustAct: [
    { name: "changed-or-unpaused", expression: `!(${sameTemplate}) || oldObject.spec.?paused.orValue(false)` },
    { name: "not-asked-for", expression: `!(${sameTemplate} && ${askedFor})` },
  ],
} as const;
