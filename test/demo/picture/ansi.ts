/** How a stretch of a terminal's line looks. */
export interface Style {
  readonly bold: boolean;
  readonly dim: boolean;
  readonly colour: "green" | "red" | "yellow" | undefined;
}

/** Neighbouring characters of one style. */
export interface Run extends Style {
  readonly column: number;
  readonly text: string;
}

const plain: Style = { bold: false, dim: false, colour: undefined };

/** What a code of `ESC [ … m` changes; codes that the demo does not use change nothing. */
const changes: Readonly<Record<string, Partial<Style>>> = {
  "0": plain,
  "1": { bold: true },
  "2": { dim: true },
  "22": { bold: false, dim: false },
  "31": { colour: "red" },
  "32": { colour: "green" },
  "33": { colour: "yellow" },
  "39": { colour: undefined },
};

// eslint-disable-next-line no-control-regex -- the character that begins a code
const code = /\u001b\[([\d;]*)m/;

/** A line with colour codes as runs; stretches of nothing but spaces are left out. */
export function parseAnsi(line: string): readonly Run[] {
  const runs: Run[] = [];
  let style = plain;
  let column = 0;
  line.split(code).forEach((part, index) => {
    if (index % 2 === 1) {
      for (const number of part.split(";")) style = { ...style, ...changes[number === "" ? "0" : number] };
      return;
    }
    if (part.trim() !== "") runs.push({ ...style, column, text: part });
    column += part.length;
  });
  return runs;
}
