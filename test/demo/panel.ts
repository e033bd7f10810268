// The live view: a scene as lines of text, always as many, so that it can be drawn in place.
import type { Colour, Paint } from "../../src/cli/terminal.ts";
import { APP, LIMITS } from "./plan.ts";
import { moodOf, type Mood, type Scene, type SceneVersion } from "./scene.ts";
import { bar, clockText, exactly, fit, latencyText, percentOf, sparkline, wrap } from "./text.ts";

const MESSAGE_LINES = 3;
const EVENT_LINES = 6;
const INDENT = 12;

const colours: Readonly<Record<Mood, Colour>> = { good: "green", bad: "red", busy: "yellow" };

/** At least 70 columns are needed. */
export function renderPanel(scene: Scene, width: number, paint: Paint): readonly string[] {
  return [
    ...heading(scene, width, paint),
    "",
    ...splitLines(scene, width, paint),
    "",
    ...versionTable(scene, paint),
    "",
    ...messageLines(scene, width, paint),
    "",
    ...eventLines(scene, width, paint),
  ];
}

function heading(
  { number, count, stable, canary, good, description, command, change, elapsedMs }: Scene,
  width: number,
  paint: Paint,
) {
  const title = `Serin demo   release ${number} of ${count}`;
  const versions = `${APP}:${stable.version} → ${APP}:${canary.version}`;
  return [
    paint("bold", title) + paint("dim", clockText(elapsedMs).padStart(width - title.length)),
    paint("dim", "─".repeat(width)),
    `${paint("bold", versions)}   ${paint(good ? "green" : "red", fit(description, width - versions.length - 3))}`,
    `${paint("dim", "$")} ${command}${paint("dim", fit(`   # ${change}`, width - command.length - 2))}`,
  ];
}

function label(text: string): string {
  return text.padEnd(INDENT);
}

function splitLines(scene: Scene, width: number, paint: Paint): string[] {
  const { weight, shares } = scene;
  const room = Math.min(40, width - INDENT - 40);
  const colour = colours[moodOf(scene)];
  const { full, empty } = bar(weight, room);
  const trend = sparkline(shares, room);
  return [
    `${label("weight")}${paint(colour, full)}${paint("dim", empty)} ${`${weight} %`.padStart(5)}   ${stepMarks(scene, paint)}`,
    `${label("canary")}${paint(colour, trend)}${" ".repeat(room - trend.length)}         ${paint("dim", "share of the requests over time")}`,
  ];
}

function stepMarks(scene: Scene, paint: Paint): string {
  const failed = moodOf(scene) === "bad";
  const marks = scene.steps.map((percent, index) => {
    if (index < scene.step) return paint("green", `✓ ${percent}`);
    if (index > scene.step) return paint("dim", `· ${percent}`);
    return failed ? paint("red", `✗ ${percent}`) : paint("bold", `▶ ${percent}`);
  });
  return `${marks.join("  ")} %`;
}

function versionTable({ stable, canary }: Scene, paint: Paint): string[] {
  const cells = (texts: readonly string[]): readonly string[] =>
    texts.map((text, column) => (column === 0 ? text.padEnd(8) : text.padStart(11)));
  return [
    paint("dim", label("") + cells(["version", "ready pods", "requests/s", "errors", "p99"]).join("")),
    versionRow("stable", stable, cells, paint),
    versionRow("canary", canary, cells, paint),
  ];
}

function versionRow(
  role: string,
  { version, pods, ready, traffic }: SceneVersion,
  cells: (texts: readonly string[]) => readonly string[],
  paint: Paint,
): string {
  const { perSecond, errors, p99Ms } = traffic;
  const [name = "", readyPods = "", rate = "", failing = "", slowest = ""] = cells([
    version,
    pods === 0 ? "–" : `${ready}/${pods}`,
    perSecond === 0 ? "–" : perSecond.toFixed(0),
    errors === undefined ? "–" : percentOf(errors),
    p99Ms === undefined ? "–" : latencyText(p99Ms),
  ]);
  const alarm = (over: boolean, text: string) => (over ? paint("red", text) : text);
  return [
    label(role),
    paint("bold", name),
    readyPods,
    rate,
    alarm((errors ?? 0) > LIMITS.failing, failing),
    alarm((p99Ms ?? 0) > LIMITS.slowMs, slowest),
  ].join("");
}

function messageLines(scene: Scene, width: number, paint: Paint): string[] {
  const said = wrap(scene.message, width - INDENT);
  return [
    `${label("Serin says")}${paint("bold", paint(colours[moodOf(scene)], scene.phase))}`,
    ...exactly(MESSAGE_LINES, said, width - INDENT).map((line) => (line === "" ? "" : label("") + line)),
  ];
}

function eventLines({ events }: Scene, width: number, paint: Paint): readonly string[] {
  const shown = events.slice(-EVENT_LINES).map(({ at, reason, note, warning }) => {
    const name = fit(reason, 18).padEnd(18);
    const text = fit(note, width - 27);
    return `${paint("dim", clockText(at).padStart(6))}  ${paint(warning ? "red" : "bold", name)} ${text}`;
  });
  return [paint("dim", "events"), ...exactly(EVENT_LINES, shown, width)];
}
