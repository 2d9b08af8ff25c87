/**
 * What the demonstration must remember to go on where it stopped: the patients' keys, the staff's secrets, and which
 * steps are done. One file, mode 0600, replaced as a whole. Real patients keep their own keys.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

export interface DemoPatient {
  readonly pseudonym: string;
  readonly signingKey: string;
  readonly signingPublicKey: string;
  readonly encryptionPublicKey: string;
}

export interface DemoFacts {
  readonly staffSecrets: Record<string, string>;
  /** Tokens by enrolment id: signing in costs a key derivation, a second start of sixteen people none. */
  readonly tokens: Record<string, string>;
  readonly patients: Record<string, DemoPatient>;
  /** Step name to what it returned. */
  readonly done: Record<string, unknown>;
}

export class DemoState {
  readonly facts: DemoFacts;

  constructor(private readonly path: string) {
    this.facts = read(path);
  }

  save(): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const temporary = `${this.path}.new`;
    writeFileSync(temporary, JSON.stringify(this.facts), { mode: 0o600, flush: true });
    renameSync(temporary, this.path);
  }

  isDone(step: string): boolean {
    return Object.hasOwn(this.facts.done, step);
  }

  /** Runs a step once, ever; its JSON result is remembered. */
  async once<Result>(step: string, work: () => Promise<Result>): Promise<Result> {
    if (this.isDone(step)) return this.facts.done[step] as Result;
    const result = await work();
    this.facts.done[step] = result ?? null;
    this.save();
    return result;
  }
}

const noFacts = (): DemoFacts => ({ staffSecrets: {}, tokens: {}, patients: {}, done: {} });

function read(path: string): DemoFacts {
  try {
    return { ...noFacts(), ...(JSON.parse(readFileSync(path, 'utf8')) as Partial<DemoFacts>) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return noFacts();
  }
}
