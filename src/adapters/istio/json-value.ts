/** Reading of raw objects: whatever is there, each function answers. */

export type JsonRecord = Readonly<Record<string, unknown>>;

export function isRecord(value: unknown): value is JsonRecord {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The member as an object; an empty one where it is none. */
export function recordIn(value: unknown, key: string): JsonRecord {
  const member = isRecord(value) ? value[key] : undefined;
  return isRecord(member) ? member : {};
}

/** The objects in the list; an empty list where it is none. Positions are kept: what is no object reads as an empty one. */
export function recordsIn(value: unknown, key: string): readonly JsonRecord[] {
  const member = isRecord(value) ? value[key] : undefined;
  return Array.isArray(member) ? member.map((each: unknown) => (isRecord(each) ? each : {})) : [];
}

/** The texts in the list; an empty list where it is none. */
export function textsIn(value: unknown, key: string): readonly string[] {
  const member = isRecord(value) ? value[key] : undefined;
  return Array.isArray(member) ? member.filter((each): each is string => typeof each === "string") : [];
}

/** The member where it is a text that is not empty. */
export function textIn(value: unknown, key: string): string | undefined {
  const member = isRecord(value) ? value[key] : undefined;
  return typeof member === "string" && member !== "" ? member : undefined;
}

/** The member where it is a number. */
export function numberIn(value: unknown, key: string): number | undefined {
  const member = isRecord(value) ? value[key] : undefined;
  return typeof member === "number" ? member : undefined;
}
