// Text in columns. Everything that the demo prints is one column wide per character.

/** Breaks at spaces into lines of at most that width; a longer word is cut. */
export function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(/\s+/).filter((part) => part !== "")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = "";
    }
    line = line === "" ? fit(word, width) : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** The text itself, or as much of it as there is room for. */
export function fit(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** Exactly that many lines: the last one says when there were more. */
export function exactly(count: number, lines: readonly string[], width: number): readonly string[] {
  if (lines.length <= count) return [...lines, ...Array<string>(count - lines.length).fill("")];
  return [...lines.slice(0, count - 1), fit(`${lines[count - 1] ?? ""} …`, width)];
}

/** "1,432" */
export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}

/** "10.3 %" */
export function percentOf(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

/** "41 ms", "1.6 s" */
export function latencyText(milliseconds: number): string {
  return milliseconds < 1000 ? `${Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(1)} s`;
}

/** "1:05" */
export function clockText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  return `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, "0")}`;
}

const eighths = "▁▂▃▄▅▆▇█";

/** One column per share, a space for 0; neighbours are averaged when there are more than columns. */
export function sparkline(shares: readonly number[], width: number): string {
  const columns = Math.min(width, shares.length);
  return Array.from({ length: columns }, (_, column) => {
    const part = shares.slice(
      Math.floor((column * shares.length) / columns),
      Math.floor(((column + 1) * shares.length) / columns),
    );
    const mean = part.reduce((sum, share) => sum + share, 0) / part.length;
    return mean <= 0 ? " " : (eighths[Math.min(8, Math.ceil(mean * 8)) - 1] ?? "");
  }).join("");
}

/** "████" and "░░░░", together that wide; something is full unless the percentage is 0. */
export function bar(percent: number, width: number): { readonly full: string; readonly empty: string } {
  const full = Math.max(percent > 0 ? 1 : 0, Math.round((percent / 100) * width));
  return { full: "█".repeat(full), empty: "░".repeat(width - full) };
}
