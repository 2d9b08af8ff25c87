import { enrolPerson } from './identities.js';
import { makeConsortium, MSP_IDS } from './embedded-consortium.js';
import { SCRATCH_CONTRACTS } from './scratch-contract.js';

/**
 * Writes to the embedded ledger of the folder named in the first argument, many at a time, and says each key on its
 * standard output once its write is acknowledged, until it is killed. The second argument names the round.
 */
const [, , directory = '', round = ''] = process.argv;
const consortium = await makeConsortium(directory);
const caller = await enrolPerson(consortium.authority(MSP_IDS[0]), MSP_IDS[0], 'clinician');
const ledger = await consortium.open({ contracts: SCRATCH_CONTRACTS });

async function writer(lane: number): Promise<void> {
  for (let index = 0; ; index += 1) {
    const key = `${round}-${String(lane)}-${String(index)}`;
    const steps = [
      { put: key, value: key },
      { put: `last-${round}-${String(lane)}`, value: key },
      { event: key },
    ];
    const { txId } = await ledger.submit(caller, 'members', 'Update', { steps });
    process.stdout.write(`${key} ${txId}\n`);
  }
}

process.stdout.write('ready\n');
await Promise.all(Array.from({ length: 8 }, (_, lane) => writer(lane)));
