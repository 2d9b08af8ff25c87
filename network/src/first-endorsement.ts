import { type HospitalContext, logHint } from './context.js';
import { ledgerErrorText, withLedger } from './ledger-client.js';
import { waitFor } from './wait.js';

const DISCOVERY_TIMEOUT_MS = 120_000;
const POLL_MS = 500;
/** Every contract knows it; it reads nothing and, only endorsed and never submitted, writes nothing. */
const HARMLESS_TRANSACTION = 'org.hyperledger.fabric:GetMetadata';
/** How the peer begins what a chaincode process itself said: whatever it said, it was reached. */
const CHAINCODE_ANSWERED = 'chaincode response';

/**
 * Waits until the hospital's own peer can gather the endorsements of a majority. Healthy peers are not
 * enough: for some seconds after a start they have not discovered one another.
 */
export async function awaitFirstEndorsement(context: HospitalContext): Promise<void> {
  const { id } = context.hospital;
  const { name } = context.topology.chaincode;
  const bounds = { timeoutMs: DISCOVERY_TIMEOUT_MS, intervalMs: POLL_MS };
  await withLedger(context, 'gateway', async (client) => {
    let missing = '';
    await waitFor(
      async () => {
        missing = (await client.missingEndorsers(name)) ?? '';
        return missing === '' ? true : undefined;
      },
      {
        ...bounds,
        what: `${id}'s peer to discover a majority of endorsers`,
        hint: () => `${missing}; ${logHint(context, 'peer')()}`,
      },
    );
    await waitFor(
      async () => {
        try {
          await client.contract(name).newProposal(HARMLESS_TRANSACTION).endorse();
          return true;
        } catch (thrown) {
          const text = ledgerErrorText(thrown);
          if (text.includes(CHAINCODE_ANSWERED)) return true;
          throw new Error(text, { cause: thrown });
        }
      },
      { ...bounds, what: `a first endorsement for ${id}`, hint: logHint(context, 'chaincode') },
    );
  });
}
