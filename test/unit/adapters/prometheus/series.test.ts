import { expect, test } from "vitest";
import { identityOf, labelsOf, targetOf, withoutLabels } from "../../../../src/adapters/prometheus/series.ts";

const labels = { __name__: "istio_requests_total", instance: "i", job: "j", pod: "p", response_code: "200" };

test("series of one scrape target have the same target, whatever they count", () => {
  expect(targetOf({ ...labels, response_code: "503" })).toBe(targetOf(labels));
  for (const label of ["instance", "job", "pod"])
    expect(targetOf({ ...labels, [label]: "x" })).not.toBe(targetOf(labels));
  // No value can be taken for two.
  expect(targetOf({ instance: 'i","j' })).not.toBe(targetOf({ instance: "i", job: "j" }));
});

test("a series is known by its labels, not by their order, nor by its name", () => {
  const turned = Object.fromEntries(Object.entries(labels).reverse());
  expect(identityOf(turned)).toBe(identityOf(labels));
  expect(identityOf({ ...labels, __name__: "istio_request_duration_milliseconds_bucket" })).toBe(identityOf(labels));
  expect(identityOf({ ...labels, response_code: "503" })).not.toBe(identityOf(labels));
});

test("labels can be left out of what it is known by", () => {
  const buckets = ["100", "+Inf"].map((le) => withoutLabels({ ...labels, le }, ["le"]));
  expect(buckets[0]).toBe(buckets[1]);
});

test("labels can be had back from what a series is known by", () => {
  const { __name__: _, ...named } = labels;
  expect(labelsOf(identityOf(labels))).toEqual(named);
});
