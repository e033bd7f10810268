import { expect, test } from "vitest";
import { openCase, type Bench } from "./bench.ts";

/** How many canary pods there are, and what they wait for. */
export function sizeCases(bench: () => Bench): void {
  test("one replica: one pod beside one, none restarted", async () => {
    const shop = await openCase(bench(), "one-replica", { app: { replicas: 1 } });
    await shop.release("product:v2");
    expect(await shop.outcome("product:v2")).toMatchObject({ outcome: "Promoted" });
    await shop.end();
  });
}
