import { expect, test } from "vitest";
import { hashOf, imageOf, replicaSetNameOf } from "../../../src/domain/version-names.ts";
import { aRollout, inRelease } from "../../support/observation.ts";

test("versions are called by what the status says of them", () => {
  const observation = inRelease();
  expect([imageOf(observation, "stable"), imageOf(observation, "canary")]).toEqual(["product:v1", "product:v2"]);
  expect([replicaSetNameOf(observation, "canary"), hashOf(observation, "canary")]).toEqual(["product-a-two", "two"]);
});

test("versions that a status has lost are called by their part", () => {
  const lost = { rollout: aRollout({ status: { stable: undefined } }) };
  expect([imageOf(lost, "stable"), imageOf(lost, "canary")]).toEqual(["the stable version", "the canary version"]);
  expect([replicaSetNameOf(lost, "stable"), hashOf(lost, "stable")]).toEqual(["", ""]);
});
