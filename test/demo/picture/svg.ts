// A terminal as an animated SVG: nothing but shapes, text and CSS, so that it plays wherever a picture is shown.
import { parseAnsi, type Run, type Style } from "./ansi.ts";

/** Lines with colour codes, and how long they are to be seen. */
export interface Frame {
  readonly lines: readonly string[];
  readonly seconds: number;
}

export interface TerminalLook {
  readonly columns: number;
  readonly title: string;
  /** Index of the frame for those who see no animation. */
  readonly still: number;
}

const CELL = { width: 8, height: 18 };
const PADDING = 18;
const BAR = 34;
const BASELINE = 13;

const STYLE = `text{font:13.3px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#d5dae3;white-space:pre}
.b{font-weight:700;fill:#f5f7fa}.d{fill:#7d8696}.g{fill:#5fd38d}.r{fill:#ff6b6b}.y{fill:#f0c65a}.t{fill:#8a93a3;text-anchor:middle}`;

/** The whole picture. The same frames give the same text. */
export function renderTerminal(frames: readonly Frame[], { columns, title, still }: TerminalLook): string {
  const rows = Math.max(...frames.map(({ lines }) => lines.length));
  const width = columns * CELL.width + 2 * PADDING;
  const height = rows * CELL.height + BAR + PADDING;
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
    (colour, index) => `<circle cx="${20 + index * 18}" cy="${BAR / 2}" r="5.5" fill="${colour}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(title)}</title>`,
    `<style>${STYLE}`,
    `${animation(frames, still)}</style>`,
    `<rect width="${width}" height="${height}" rx="9" fill="#14171d"/>`,
    `<path d="M0 ${BAR}V9a9 9 0 0 1 9-9H${width - 9}a9 9 0 0 1 9 9V${BAR}z" fill="#20242c"/>`,
    ...dots,
    `<text class="t" x="${width / 2}" y="${BAR / 2 + 4.5}">${escape(title)}</text>`,
    ...frames.map((frame, index) => renderFrame(frame, index)),
    "</svg>\n",
  ].join("\n");
}

/** Each frame has the time to itself; without animations there is one still. */
function animation(frames: readonly Frame[], still: number): string {
  const total = Number(frames.reduce((sum, { seconds }) => sum + seconds, 0).toFixed(3));
  const percent = (seconds: number): string => `${Number(((100 * seconds) / total).toFixed(3))}%`;
  let from = 0;
  const rules = frames.map(({ seconds }, index) => {
    const to = from + seconds;
    const before = from === 0 ? "" : "0%{visibility:hidden}";
    const after = index === frames.length - 1 ? "" : `${percent(to)}{visibility:hidden}`;
    const rule = `@keyframes k${index}{${before}${percent(from)}{visibility:visible}${after}}`;
    from = to;
    return rule;
  });
  const shown = Math.min(frames.length - 1, Math.max(0, still));
  return [
    `.f{visibility:hidden;animation:${total}s step-end infinite}#f${shown}{visibility:visible}`,
    ...rules,
    frames.map((_, index) => `#f${index}{animation-name:k${index}}`).join(""),
    "@media (prefers-reduced-motion:reduce){.f{animation:none!important}}",
  ].join("\n");
}

function renderFrame({ lines }: Frame, index: number): string {
  const content = lines.flatMap((line, row) => parseAnsi(line).flatMap((run) => renderRun(run, row)));
  return `<g class="f" id="f${index}">${content.join("")}</g>`;
}

const DRAWN = /^[─█░▁▂▃▄▅▆▇]/;

/** Letters as text; bars and rules as shapes, because fonts leave gaps between them. */
function renderRun(run: Run, row: number): string[] {
  // Two spaces end a piece: a browser would make them one.
  const pieces = [...run.text.matchAll(/([─█░▁▂▃▄▅▆▇])\1*|(?:(?! {2})[^─█░▁▂▃▄▅▆▇])+/g)];
  return pieces.flatMap(({ 0: text, index }) => {
    const piece = { ...run, text, column: run.column + index };
    if (DRAWN.test(text)) return [renderShape(piece, row)];
    return text.trim() === "" ? [] : [renderText(piece, row)];
  });
}

function renderText(run: Run, row: number): string {
  const text = run.text.trimEnd();
  const spaces = text.length - text.trimStart().length;
  const x = PADDING + (run.column + spaces) * CELL.width;
  const y = BAR + row * CELL.height + BASELINE + CELL.height / 3;
  const letters = text.trimStart();
  // The length keeps columns aligned whatever font there is.
  return `<text${classOf(run)} x="${x}" y="${y}" textLength="${letters.length * CELL.width}">${escape(letters)}</text>`;
}

function renderShape(run: Run, row: number): string {
  const [character = ""] = run.text;
  const x = PADDING + run.column * CELL.width;
  const y = BAR + row * CELL.height + CELL.height / 3;
  const width = run.text.length * CELL.width;
  const rect = (top: number, height: number, more = "") =>
    `<rect${classOf(run)} x="${x}" y="${y + top}" width="${width}" height="${height}"${more}/>`;
  if (character === "─") return rect(9, 1, ' fill="#3a404b"');
  const box = CELL.height - 4;
  if (character === "░") return rect(2, box, ' fill-opacity=".3"');
  const eighths = "▁▂▃▄▅▆▇█".indexOf(character) + 1;
  const height = (box * eighths) / 8;
  return rect(2 + box - height, height);
}

function classOf({ bold, dim, colour }: Style): string {
  // The colour comes last in the style sheet and wins.
  const names = [bold ? "b" : "", dim ? "d" : "", colour?.slice(0, 1) ?? ""].filter((name) => name !== "");
  return names.length === 0 ? "" : ` class="${names.join(" ")}"`;
}

function escape(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
