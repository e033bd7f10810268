/** As much of a terminal as is needed to draw on it. */
export interface TerminalOutput {
  write(text: string): unknown;
  readonly columns?: number | undefined;
  readonly rows?: number | undefined;
}

export interface Screen {
  /** Puts these lines where the last ones were. */
  draw(lines: readonly string[]): void;
  /** Puts lines above the drawing that stay there. */
  print(lines: readonly string[]): void;
  /** Leaves the last drawing as it is and gives the cursor back. May be called at any time and again. */
  end(): void;
}

const CURSOR = { hide: "\u001b[?25l", show: "\u001b[?25h" };
/** Terminals that know it show what is between at once; others ignore it. */
const AT_ONCE = { begin: "\u001b[?2026h", end: "\u001b[?2026l" };
const TO_END_OF_LINE = "\u001b[K";
const TO_END_OF_SCREEN = "\u001b[J";
const WHOLE_SCREEN = "\u001b[2J\u001b[H";

/** Draws in place on a terminal, in one write per drawing and without clearing first, so that nothing flickers. */
export function createScreen(output: TerminalOutput): Screen {
  let drawn: readonly string[] = [];
  let columns = output.columns;
  let hidden = false;

  function put(above: readonly string[], lines: readonly string[]): void {
    // After a change of width nobody knows where the old lines are.
    const back = columns !== output.columns ? WHOLE_SCREEN : drawn.length === 0 ? "" : `\u001b[${drawn.length}A\r`;
    columns = output.columns;
    const shown = lines.slice(0, Math.max(1, (output.rows ?? Infinity) - 1));
    const text = [...above, ...shown].map((line) => `${line}${TO_END_OF_LINE}\n`).join("");
    output.write(`${AT_ONCE.begin}${hidden ? "" : CURSOR.hide}${back}${text}${TO_END_OF_SCREEN}${AT_ONCE.end}`);
    hidden = true;
    drawn = shown;
  }

  return {
    draw: (lines) => put([], lines),
    print: (lines) => put(lines, drawn),
    end() {
      if (hidden) output.write(CURSOR.show);
      hidden = false;
      drawn = [];
    },
  };
}
