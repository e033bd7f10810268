import { parse, View } from "vega";
import { compile, type TopLevelSpec } from "vega-lite";
import { bet, worth, type Wealth } from "../../src/domain/analysis/wealth.ts";
import { randomFrom } from "../../test/support/random.ts";

const limit = 0.01;
const game = { alpha: 0.01, burstTolerance: 10_000 };
const needed = 1 / game.alpha;
const requestsPerBlock = 500;
const blockSeconds = 5;
const seconds = 180;

/** Share of bad requests at a second. */
const canaries: Readonly<Record<string, (second: number) => number>> = {
  "good: 0.3 % fail": () => 0.003,
  "unlucky: 0.3 % fail, and once all for 5 s": (second) => (second === 60 ? 1 : 0.003),
  "bad: 3 % fail": () => 0.03,
  "dead: all fail": () => 1,
};

interface Point {
  readonly canary: string;
  readonly second: number;
  readonly evidence: number;
}

/** Evidence over time, drawn with the product's own bets: the same picture each time. */
export async function evidencePlot(): Promise<string> {
  const values = Object.entries(canaries).flatMap(([canary, shareAt]) => evidenceOf(canary, shareAt));
  const view = new View(parse(compile(plotOf(values)).spec), { renderer: "none" });
  const svg = await view.toSVG();
  view.finalize();
  return `<!-- Made by npm run generate from scripts/generate/evidence-plot.ts. Do not edit. -->\n${svg}\n`;
}

function evidenceOf(canary: string, shareAt: (second: number) => number): readonly Point[] {
  const random = randomFrom(12);
  const points: Point[] = [{ canary, second: 0, evidence: 1 }];
  let wealth: Wealth | undefined;
  for (let second = blockSeconds; second <= seconds && worth(wealth) < needed; second += blockSeconds) {
    const bad = Array.from({ length: requestsPerBlock }, random).filter((roll) => roll < shareAt(second)).length;
    wealth = bet(wealth, { bad, total: requestsPerBlock, share: limit, length: 1_000 * blockSeconds }, game);
    points.push({ canary, second, evidence: worth(wealth) });
  }
  return points;
}

function plotOf(values: readonly Point[]): TopLevelSpec {
  const y = {
    field: "evidence",
    type: "quantitative",
    scale: { type: "log" },
    title: "evidence against the canary",
  } as const;
  return {
    background: "white",
    width: 640,
    height: 300,
    layer: [
      {
        data: { values: [{ evidence: needed }] },
        mark: { type: "rule", strokeDash: [6, 4], color: "#c0392b" },
        encoding: { y },
      },
      {
        data: { values: [{ evidence: needed, second: seconds }] },
        mark: { type: "text", align: "right", dy: -8, color: "#c0392b", text: "100: roll back" },
        encoding: { x: { field: "second", type: "quantitative" }, y },
      },
      {
        data: { values: [...values] },
        mark: { type: "line", point: { size: 18 }, strokeWidth: 2 },
        encoding: {
          x: {
            field: "second",
            type: "quantitative",
            title: "seconds since the first request",
            axis: { tickCount: 9 },
          },
          y,
          color: {
            field: "canary",
            type: "nominal",
            title: null,
            sort: Object.keys(canaries),
            legend: { orient: "bottom", columns: 2, labelLimit: 400 },
          },
        },
      },
    ],
  };
}
