import { expect, test } from "vitest";
import { withEvents } from "../../../src/domain/events.ts";
import { anObservation, noon } from "../../support/observation.ts";

const transition = (key: string) => ({ reason: "WeightChanged", key, note: `note of ${key}` }) as const;
const observation = anObservation();

test("withEvents() names an event after what happened: the same happening has the same name", () => {
  const [first, again, other] = ["a", "a", "b"].map(
    (key) => withEvents(observation, { observedGeneration: 1 }, [transition(key)]).pendingEvents?.[0],
  );
  expect(first).toEqual({
    name: first!.name,
    reason: "WeightChanged",
    action: "RouteTraffic",
    note: "note of a",
    at: new Date(noon).toISOString(),
  });
  expect(again?.name).toBe(first?.name);
  expect(other?.name).not.toBe(first?.name);
  expect(first?.name).toMatch(/^product\.[a-z0-9]{10}$/);
});

test("withEvents() keeps what waits, once, and no more than fits", () => {
  const one = withEvents(observation, { observedGeneration: 1 }, [transition("a")]);
  expect(
    withEvents(observation, one, [transition("a"), transition("b")]).pendingEvents?.map(({ note }) => note),
  ).toEqual(["note of a", "note of b"]);
  const many = Array.from({ length: 60 }, (_unused, index) => transition(`event ${index}`));
  const kept = withEvents(observation, { observedGeneration: 1 }, many).pendingEvents;
  expect(kept).toHaveLength(40);
  expect(kept?.at(-1)?.note).toBe("note of event 59");
});

test("withEvents() without transitions changes nothing", () => {
  const status = { observedGeneration: 1 };
  expect(withEvents(observation, status, [])).toBe(status);
});
