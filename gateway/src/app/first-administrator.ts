import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { StaffService } from '../auth/staff-service.js';

export const ADMIN_ENROLMENT_ID = 'admin';
export const ADMIN_SECRET_FILE = 'admin-secret';

/**
 * At the first start there is nobody who could enrol anybody: enrols `admin` and leaves its secret in a file that
 * only the gateway's user can read. Whoever takes it over may delete the file.
 */
export async function ensureAdministrator(
  options: { readonly dataDir: string },
  staff: StaffService,
): Promise<void> {
  if (await staff.has(ADMIN_ENROLMENT_ID)) return;
  const path = join(options.dataDir, ADMIN_SECRET_FILE);
  await staff.enrol({ enrolmentId: ADMIN_ENROLMENT_ID, role: 'admin' }, async (secret) => {
    // Written before the person exists in the table: a crash in between makes another secret, never loses one.
    await writeFile(`${path}.new`, `${secret}\n`, { mode: 0o600 });
    await rename(`${path}.new`, path);
  });
}
