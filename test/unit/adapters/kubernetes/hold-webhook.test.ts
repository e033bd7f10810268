import { describe, expect, test } from "vitest";
import { holdAnnotation, unpauseAnnotation } from "../../../../src/api/names.ts";
import { holdPolicyManifests } from "../../../../src/adapters/kubernetes/hold-policy.ts";
import { answerReview, holdWebhookManifest } from "../../../../src/adapters/kubernetes/hold-webhook.ts";

interface Version {
  readonly image?: string;
  readonly paused?: boolean;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly replicas?: number;
}

function deployment({ image = "v1", paused, annotations, replicas = 3 }: Version) {
  const template = { spec: { containers: [{ name: "app", image }] } };
  const pause = paused === undefined ? {} : { paused };
  return { metadata: { name: "product", generation: 7, annotations }, spec: { replicas, template, ...pause } };
}

function patchFor(before: Version, after: Version): unknown {
  const answer = answerReview({
    apiVersion: "admission.k8s.io/v1",
    kind: "AdmissionReview",
    request: { uid: "abc", operation: "UPDATE", object: deployment(after), oldObject: deployment(before) },
  }) as { readonly response: { readonly allowed: boolean; readonly uid: string; readonly patch?: string } };
  expect(answer).toMatchObject({ apiVersion: "admission.k8s.io/v1", response: { uid: "abc", allowed: true } });
  const { patch } = answer.response;
  return patch === undefined ? undefined : JSON.parse(Buffer.from(patch, "base64").toString("utf8"));
}

const pause = [{ op: "add", path: "/spec/paused", value: true }];
const token = (generation: string) => ({ [unpauseAnnotation]: generation });

describe("the webhook's answer", () => {
  test.each<[string, Version, Version, unknown]>([
    ["holds another template", {}, { image: "v2" }, pause],
    ["holds another template in a paused one", { paused: true }, { image: "v2", paused: false }, pause],
    ["leaves a change alone that is paused", {}, { image: "v2", paused: true }, undefined],
    ["leaves scaling alone", {}, { replicas: 5 }, undefined],
    ["does not unpause without the token", { paused: true }, {}, pause],
    ["unpauses with the token of the generation", { paused: true }, { annotations: token("7") }, undefined],
    ["does not unpause with an old token", { paused: true }, { annotations: token("6") }, pause],
    ["has no token for another template", {}, { image: "v2", annotations: token("7") }, pause],
    [
      "leaves everything alone with the switch off",
      {},
      { image: "v2", annotations: { [holdAnnotation]: "off" } },
      undefined,
    ],
    ["knows no other word for off", {}, { image: "v2", annotations: { [holdAnnotation]: "no" } }, pause],
  ])("%s", (_, before, after, expected) => {
    expect(patchFor(before, after)).toEqual(expected);
  });

  test("leaves a review alone that has no two versions", () => {
    const request = { uid: "abc", object: deployment({ image: "v2" }), oldObject: null };
    expect(answerReview({ kind: "AdmissionReview", apiVersion: "v1", request })).toMatchObject({
      response: { allowed: true },
    });
  });

  test.each([null, "words", { kind: "Deployment" }, { kind: "AdmissionReview" }])("is none for %j", (body) => {
    expect(() => answerReview(body)).toThrow("this is no AdmissionReview");
  });
});

describe("the webhook's configuration", () => {
  const ofService = holdWebhookManifest({
    address: { service: { namespace: "serin-system", name: "serin-webhook" } },
    authorities: "PEM",
  });

  test("asks about the same updates as the policy acts on", () => {
    const [{ spec }] = holdPolicyManifests;
    const selected = {
      objectSelector: spec.matchConstraints.objectSelector,
      rules: spec.matchConstraints.resourceRules,
    };
    const [first, second] = ofService.webhooks;
    expect(first).toMatchObject({ ...selected, failurePolicy: "Fail" });
    expect(second).toMatchObject({ ...selected, failurePolicy: "Ignore", matchConditions: spec.matchConditions });
    const held = first?.matchConditions.slice(spec.matchConditions.length).map(({ expression }) => `(${expression})`);
    expect(held?.join(" && ")).toBe(spec.variables[0].expression);
  });

  test("names a Service in the cluster, and a URL beside it", () => {
    const service = { namespace: "serin-system", name: "serin-webhook", path: "/hold", port: 443 };
    expect(ofService.webhooks[0]?.clientConfig).toEqual({ service, caBundle: "UEVN" });
    const ofUrl = holdWebhookManifest({ address: { url: "https://10.0.0.7:9443/hold" }, authorities: "PEM" });
    expect(ofUrl.webhooks[0]?.clientConfig).toEqual({ url: "https://10.0.0.7:9443/hold", caBundle: "UEVN" });
  });
});
