import { ClassicLevel } from 'classic-level';
import type { KeyCustody } from '../ports/key-custody.js';

/**
 * The gateway's own small tables: staff, positions, work to resume. Values are sealed under the custody with the
 * table and the row's key as the label, so a row cannot be read or put in another row's place by whoever has the disk.
 */
export interface LocalTables {
  table<Row>(name: string): LocalTable<Row>;
  close(): Promise<void>;
}

export interface LocalTable<Row> {
  /** @throws CareLedgerError CUSTODY_LOCKED */
  get(key: string): Promise<Row | undefined>;
  /**
   * Survives the end of the process when it resolves, and with `sync` (the default) the end of the machine.
   * @throws CareLedgerError CUSTODY_LOCKED
   */
  put(key: string, row: Row, options?: { readonly sync: boolean }): Promise<void>;
  delete(key: string): Promise<void>;
  entries(): AsyncIterable<readonly [key: string, row: Row]>;
}

export async function openLocalTables(
  options: { readonly path: string },
  modules: { readonly custody: KeyCustody },
): Promise<LocalTables> {
  const database = new ClassicLevel<string, Uint8Array>(options.path, { valueEncoding: 'view' });
  await database.open();
  return {
    table: (name) => createTable(name, database, modules.custody),
    close: () => database.close(),
  };
}

function createTable<Row>(
  name: string,
  database: ClassicLevel<string, Uint8Array>,
  custody: KeyCustody,
): LocalTable<Row> {
  const prefix = `${name}/`;
  const label = (key: string): string => `table/${prefix}${key}`;
  const open = async (key: string, sealed: Uint8Array): Promise<Row> => {
    const plaintext = await custody.openLocal(label(key), sealed);
    return JSON.parse(Buffer.from(plaintext).toString('utf8')) as Row;
  };
  return {
    async get(key) {
      const sealed = await database.get(prefix + key);
      return sealed === undefined ? undefined : open(key, sealed);
    },
    async put(key, row, { sync } = { sync: true }) {
      const sealed = await custody.sealLocal(label(key), Buffer.from(JSON.stringify(row), 'utf8'));
      await database.put(prefix + key, sealed, { sync });
    },
    async delete(key) {
      await database.del(prefix + key, { sync: false });
    },
    async *entries() {
      // '0' is the character after '/': everything that starts with the prefix, and nothing else.
      for await (const [stored, sealed] of database.iterator({ gte: prefix, lt: `${name}0` })) {
        const key = stored.slice(prefix.length);
        yield [key, await open(key, sealed)] as const;
      }
    },
  };
}
