// The chart's policies about what people ask of releases: who may, and who did.
import { group, plural, requestAnnotations, requestedByAnnotation, type Request } from "../../src/api/names.ts";

const requests = Object.entries(requestAnnotations) as readonly (readonly [Request, string])[];

/** CEL: whether the annotation is not as it was; at a creation, whether it is there. */
const differs = (annotation: string): string =>
  `object.metadata.?annotations[?"${annotation}"].orValue("") != (oldObject == null ? "" : oldObject.metadata.?annotations[?"${annotation}"].orValue(""))`;

const matched = {
  resourceRules: [{ apiGroups: [group], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: [plural] }],
};

const path = `/metadata/annotations/${requestedByAnnotation.replaceAll("/", "~1")}`;
const record = `{"${requestedByAnnotation}": request.userInfo.username}`;

/** Each kind of request is a verb of its own on Rollouts: whoever may change one may not ask for a promotion by that. */
export const requestRights = {
  failurePolicy: "Fail",
  matchConstraints: matched,
  validations: requests.map(([request, annotation]) => ({
    expression: `!(${differs(annotation)}) || authorizer.group("${group}").resource("${plural}").namespace(object.metadata.namespace).name(object.metadata.?name.orValue("")).check("${request}").allowed()`,
    message: `who asks for it needs the verb ${request} on ${plural}.${group}`,
    reason: "Forbidden",
  })),
};

/** Who asked is written by the API server, from the request's own user; nobody can be named by somebody else. */
export const requestedBy = {
  failurePolicy: "Fail",
  reinvocationPolicy: "Never",
  matchConstraints: matched,
  matchConditions: [
    {
      name: "asks",
      expression: [...requests.map(([, annotation]) => annotation), requestedByAnnotation].map(differs).join(" || "),
    },
  ],
  mutations: [
    {
      patchType: "JSONPatch",
      jsonPatch: {
        expression: `[has(object.metadata.annotations) ? JSONPatch{op: "add", path: "${path}", value: request.userInfo.username} : JSONPatch{op: "add", path: "/metadata/annotations", value: ${record}}]`,
      },
    },
  ],
};
