/** Where a command writes to. */
export interface Terminal {
  /** Writes a text and a line break to standard output. */
  print(text: string): void;
  /** Writes a text and a line break to standard error. */
  warn(text: string): void;
  /** The process ends with this code unless another one is set. */
  exitWith(code: number): void;
  /** Whether a person watches: colours, and a screen that can be drawn again. */
  readonly interactive: boolean;
  /** Begins a new screen; for interactive terminals. */
  clear(): void;
}

export type Colour = "green" | "red" | "yellow" | "dim" | "bold";

export type Paint = (colour: Colour, text: string) => string;

const codes = { green: [32, 39], red: [31, 39], yellow: [33, 39], dim: [2, 22], bold: [1, 22] } as const;

/** Colours text for a person, and leaves it alone for a pipe. */
export function paintFor(interactive: boolean): Paint {
  if (!interactive) return (_colour, text) => text;
  return (colour, text) => `\u001b[${codes[colour][0]}m${text}\u001b[${codes[colour][1]}m`;
}

/** The terminal of this process. Follows NO_COLOR, as far as colours go. */
export function systemTerminal(): Terminal {
  return {
    print: (text) => void process.stdout.write(`${text}\n`),
    warn: (text) => void process.stderr.write(`${text}\n`),
    exitWith: (code) => (process.exitCode = code),
    interactive: process.stdout.isTTY && !process.env["NO_COLOR"],
    clear: () => void process.stdout.write("\u001b[H\u001b[2J"),
  };
}
