import { describe, expect, test } from "vitest";
import { paintFor } from "../../../src/cli/terminal.ts";
import { parseAnsi } from "../../demo/picture/ansi.ts";
import { renderPanel } from "../../demo/panel.ts";
import { sceneVersion, sceneWith } from "./scenes.ts";

const plain = paintFor(false);
const text = (scene: ReturnType<typeof sceneWith>, width = 79) => renderPanel(scene, width, plain).join("\n");

describe("the panel", () => {
  test("shows the release, the split, both versions, what Serin says and the events", () => {
    expect(text(sceneWith()).trimEnd()).toBe(
      [
        "Serin demo   release 1 of 2                                                1:05",
        "─".repeat(79),
        "product:v1 → product:v2   a good version",
        "$ kubectl apply -f shop/product.yaml   # image: product:v2",
        "",
        "weight      ██████████████░░░░░░░░░░░░░  50 %   ✓ 10  ▶ 50  · 100 %",
        "canary       ▁▄                                 share of the requests over time",
        "",
        "            version  ready pods requests/s     errors        p99",
        "stable      v1              3/3        100      0.0 %      41 ms",
        "canary      v2              3/3        100      0.0 %      41 ms",
        "",
        "Serin says  Progressing",
        "            Waiting until 50 % of the traffic is seen at the canary.",
        "",
        "",
        "",
        "events",
        "  0:03  ReleaseStarted     Release 1: product:v1 → product:v2",
      ].join("\n"),
    );
  });

  test.each([70, 79, 100])("has the same height and stays within %d columns, whatever there is to say", (width) => {
    const event = { at: 1000, reason: "StepPassedWithoutEvidence", note: "words ".repeat(40), warning: true };
    const full = sceneWith({
      message: "many words ".repeat(60),
      description: "a bad version: 10 % errors, 800 ms mean latency",
      shares: Array<number>(200).fill(1),
      events: Array<typeof event>(20).fill(event),
      weight: 100,
    });
    const lines = renderPanel(full, width, plain);
    expect(lines).toHaveLength(renderPanel(sceneWith({ events: [], message: "" }), width, plain).length);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(width);
  });

  test("fits into a terminal of 25 lines", () => {
    expect(renderPanel(sceneWith(), 79, plain).length).toBeLessThan(25);
  });

  test("marks the step that failed, and all steps of a promotion as passed", () => {
    const failed = sceneWith({ phase: "RolledBack", ended: "RolledBack", step: 0, weight: 0 });
    expect(text(failed)).toContain("✗ 10  · 50  · 100 %");
    expect(text(sceneWith({ phase: "Ready", ended: "Promoted", step: 3 }))).toContain("✓ 10  ✓ 50  ✓ 100 %");
  });

  test("shows dashes for a version without pods and requests", () => {
    const silent = sceneVersion("v2", {
      pods: 0,
      ready: 0,
      traffic: { perSecond: 0, errors: undefined, p99Ms: undefined },
    });
    expect(text(sceneWith({ canary: silent }))).toMatch(/canary {6}v2 +– +– +– +–\n/);
  });

  test("shows figures above the limits in red", () => {
    const failing = sceneVersion("v2", { traffic: { perSecond: 20, errors: 0.1, p99Ms: 800 } });
    const lines = renderPanel(sceneWith({ canary: failing }), 79, paintFor(true));
    const red = lines.flatMap(parseAnsi).filter(({ colour }) => colour === "red");
    expect(red.map((run) => run.text.trim())).toEqual(["10.0 %", "800 ms"]);
  });
});
