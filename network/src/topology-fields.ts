/** A field of the topology file that is not what it has to be. */
export class TopologyFieldError extends Error {
  override readonly name = 'TopologyFieldError';

  constructor(
    readonly field: string,
    readonly expected: string,
    readonly came: string,
  ) {
    super(`${field}: expected ${expected}, came ${came}`);
  }
}

/** A mapping with exactly the named keys: a misspelt key is an error, not a silent default. */
export function asRecord(
  value: unknown,
  field: string,
  keys: readonly string[],
): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TopologyFieldError(field, 'a mapping', show(value));
  }
  const unknownKey = Object.keys(value).find((key) => !keys.includes(key));
  if (unknownKey !== undefined)
    throw new TopologyFieldError(field, `only the keys ${keys.join(', ')}`, unknownKey);
  return value as Record<string, unknown>;
}

export function asList(value: unknown, field: string): readonly unknown[] {
  if (!Array.isArray(value)) throw new TopologyFieldError(field, 'a list', show(value));
  return value as unknown[];
}

export function asText(value: unknown, field: string, pattern: RegExp): string {
  if (typeof value !== 'string' || !pattern.test(value)) {
    throw new TopologyFieldError(field, `text matching ${String(pattern)}`, show(value));
  }
  return value;
}

export function asInteger(
  value: unknown,
  field: string,
  range: { minimum: number; maximum: number },
): number {
  const inRange =
    typeof value === 'number' && Number.isInteger(value) && value >= range.minimum && value <= range.maximum;
  if (!inRange) {
    throw new TopologyFieldError(
      field,
      `a whole number from ${String(range.minimum)} to ${String(range.maximum)}`,
      show(value),
    );
  }
  return value;
}

function show(value: unknown): string {
  return value === undefined ? 'nothing' : JSON.stringify(value);
}
