import { expect, test } from "vitest";
import { checkQueries, ratioQueries } from "../../../src/domain/metric-queries.ts";

const revision = (name: string) => ({
  revision: name,
  replicaSet: `shop.api-${name}`,
  podTemplateHash: name,
  workload: `shop.api`,
  image: "i",
});
const place = { namespace: "shop", service: "api" };
const versions = { stable: revision("1"), canary: revision("2") };

test("placeholders stand for each version's own pods", () => {
  const ratio = { bad: 'failed{pod=~"$(pods)"}', total: 'all{hash="$(hash)",ns="$(namespace)"}', max: "1%" };
  const value = { query: "v", interval: "30s", failureLimit: 3, max: 1 };
  const metrics = [
    { name: "failed", ratio },
    { name: "p50", value },
  ];
  expect(ratioQueries(metrics, place, versions)).toEqual([
    {
      name: "failed",
      stable: { bad: 'failed{pod=~"shop[.]api-1-.*"}', total: 'all{hash="1",ns="shop"}' },
      canary: { bad: 'failed{pod=~"shop[.]api-2-.*"}', total: 'all{hash="2",ns="shop"}' },
    },
  ]);
});

test("values are the canary's", () => {
  const value = { query: 'v{w="$(workload)",s="$(service)",p=~"$(pods)"}', interval: "30s", failureLimit: 3, max: 1 };
  const ratio = { bad: "a", total: "b", max: "1%" };
  expect(
    checkQueries(
      [
        { name: "p50", value },
        { name: "r", ratio },
      ],
      place,
      versions.canary,
    ),
  ).toEqual([{ name: "p50", query: 'v{w="shop.api",s="api",p=~"shop[.]api-2-.*"}' }]);
});
