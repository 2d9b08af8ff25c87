import { open, readFile, rename } from 'node:fs/promises';
import { CareLedgerError } from '@careledger/protocol';

type Attributes = Readonly<Record<string, string>>;

/** Which enrolment id was registered with which attributes. Written beside the file, synced, and renamed over it. */
export class Registry {
  private pending: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly path: string,
    private readonly enrolments: Map<string, Attributes>,
  ) {}

  static async open(path: string): Promise<Registry> {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return '{}';
      throw error;
    });
    return new Registry(path, new Map(Object.entries(JSON.parse(text) as Record<string, Attributes>)));
  }

  /** @throws CareLedgerError ALREADY_EXISTS when the id is registered with other attributes. */
  register(enrolmentId: string, attributes: Attributes): Promise<void> {
    const next = this.pending.then(() => this.add(enrolmentId, attributes));
    this.pending = next.catch(() => undefined);
    return next;
  }

  private async add(enrolmentId: string, attributes: Attributes): Promise<void> {
    const known = this.enrolments.get(enrolmentId);
    if (known !== undefined) {
      if (isSame(known, attributes)) return;
      throw new CareLedgerError('ALREADY_EXISTS', {
        came: 'an enrolment id that is enrolled with other attributes',
      });
    }
    await this.write(new Map(this.enrolments).set(enrolmentId, attributes));
    this.enrolments.set(enrolmentId, attributes);
  }

  private async write(enrolments: ReadonlyMap<string, Attributes>): Promise<void> {
    const scratch = `${this.path}.new`;
    const file = await open(scratch, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(Object.fromEntries(enrolments), null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(scratch, this.path);
  }
}

function isSame(left: Attributes, right: Attributes): boolean {
  const names = new Set([...Object.keys(left), ...Object.keys(right)]);
  return [...names].every((name) => left[name] === right[name]);
}
