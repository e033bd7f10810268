/** Names one object of a kind that lives in a namespace. */
export interface ObjectKey {
  readonly namespace: string;
  readonly name: string;
}

/** `namespace/name`, the form in which keys cross the work queue and logs. */
export function renderKey(key: ObjectKey): string {
  return `${key.namespace}/${key.name}`;
}
