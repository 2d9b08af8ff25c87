import { CareLedgerError, canonicalJson, type ErrorCode, type OpenSession } from '@careledger/protocol';
import {
  bytesToBase64Url,
  generatePatientKeys,
  patientMessage,
  signPatientPayload,
  type PatientKeyPair,
} from '@careledger/crypto';
import { expect } from 'chai';
import type { ContractCaller } from '../services/contract-caller.js';
import type { LocalTable } from '../services/local-tables.js';
import {
  OPEN_SESSION,
  createPatientSessions,
  type PatientSessions,
  type SessionNonceRow,
} from './patient-sessions.js';

const NOW_MS = Date.parse('2026-11-20T08:00:00.000Z');
const MSP = 'Hospital1MSP';
const pseudonym = '1a'.repeat(16);

function tableOf(rows: Map<string, SessionNonceRow>): LocalTable<SessionNonceRow> {
  return {
    get: (key) => Promise.resolve(rows.get(key)),
    put: (key, row) => {
      rows.set(key, row);
      return Promise.resolve();
    },
    delete: (key) => {
      rows.delete(key);
      return Promise.resolve();
    },
    async *entries() {
      for (const entry of rows) yield await Promise.resolve(entry);
    },
  };
}

describe('patient sessions', () => {
  const keys = generatePatientKeys();
  const neighbour = { pseudonym: '4d'.repeat(16), by: generatePatientKeys() };
  let rows: Map<string, SessionNonceRow>;
  let nowMs: number;
  let sessions: PatientSessions;
  let nonces = 0;

  const make = (maxNonces = 10, maxNoncesPerPatient = maxNonces): PatientSessions => {
    const patient = {
      pseudonym,
      mspId: MSP,
      keyEpoch: 3,
      keys: { signing: bytesToBase64Url(keys.publicKey) },
    };
    const elsewhere = { ...patient, pseudonym: '3c'.repeat(16), mspId: 'Hospital2MSP' };
    const next = { ...patient, ...neighbour, keys: { signing: bytesToBase64Url(neighbour.by.publicKey) } };
    const known = [patient, elsewhere, next];
    const evaluate = (_identity: unknown, _contract: unknown, _method: unknown, argument: object) => {
      const found = known.find((one) => one.pseudonym === (argument as typeof patient).pseudonym);
      return found === undefined
        ? Promise.reject(new CareLedgerError('PATIENT_NOT_FOUND'))
        : Promise.resolve(found);
    };
    return createPatientSessions(
      { mspId: MSP, channel: 'care', maxNonces, maxNoncesPerPatient, clock: () => nowMs },
      {
        contracts: { evaluate: evaluate as unknown as ContractCaller['evaluate'] },
        identity: { mspId: MSP, certificate: '', sign: () => Promise.reject(new Error('unused')) },
        tokens: {
          issueToPatient: (of) =>
            Promise.resolve({ token: `token of ${of.pseudonym}/${String(of.keyEpoch)}`, expiresAt: '' }),
        },
        nonces: tableOf(rows),
      },
    );
  };
  const request = (
    changes: Partial<OpenSession['arguments']> & {
      channel?: string;
      method?: string;
      by?: PatientKeyPair;
    } = {},
  ): OpenSession => {
    const { channel = 'care', method = OPEN_SESSION, by = keys, ...args } = changes;
    const signed = { pseudonym, mspId: MSP, at: new Date(NOW_MS).toISOString(), ...args };
    nonces += 1;
    const nonce = String(nonces).padStart(22, 'A');
    const message = patientMessage({ channel, method, argumentsJson: canonicalJson(signed), nonce });
    return {
      arguments: signed,
      nonce,
      signature: bytesToBase64Url(signPatientPayload(by.privateKey, message)),
    };
  };
  const refused = async (code: ErrorCode, opening: Promise<unknown>): Promise<void> => {
    const error: unknown = await opening.then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    expect((error as CareLedgerError | undefined)?.code).to.equal(code);
  };

  beforeEach(() => {
    rows = new Map();
    nowMs = NOW_MS;
    sessions = make();
  });

  it('gives a token to whoever has the pseudonym’s key', async () => {
    expect((await sessions.open(request())).token).to.equal(`token of ${pseudonym}/3`);
  });

  it('ends it when the keys are replaced', async () => {
    await sessions.assertPresent({ pseudonym, keyEpoch: 3 });
    await refused('TOKEN_INVALID', sessions.assertPresent({ pseudonym, keyEpoch: 2 }));
    await refused('TOKEN_INVALID', sessions.assertPresent({ pseudonym: '2b'.repeat(16), keyEpoch: 3 }));
  });

  it('refuses another key, channel, method, changed arguments and an unknown pseudonym alike', async () => {
    await refused('SIGNATURE_INVALID', sessions.open(request({ by: generatePatientKeys() })));
    await refused('SIGNATURE_INVALID', sessions.open(request({ channel: 'another' })));
    await refused('SIGNATURE_INVALID', sessions.open(request({ method: 'grants:Grant' })));
    await refused('SIGNATURE_INVALID', sessions.open(request({ pseudonym: '2b'.repeat(16) })));
    const { signature } = request();
    await refused('SIGNATURE_INVALID', sessions.open({ ...request(), signature }));
  });

  it('refuses what was signed for another hospital, and a pseudonym of another hospital', async () => {
    await refused('NOT_OWNER', sessions.open(request({ mspId: 'Hospital2MSP' })));
    await refused('NOT_OWNER', sessions.open(request({ pseudonym: '3c'.repeat(16) })));
  });

  it('takes a request at its time only', async () => {
    for (const offsetMs of [-121_000, 121_000]) {
      nowMs = NOW_MS + offsetMs;
      await refused('TIMESTAMP_OUTSIDE_WINDOW', sessions.open(request()));
    }
    nowMs = NOW_MS + 119_000;
    await sessions.open(request());
  });

  it('takes a request once, also of two at the same time and after a restart', async () => {
    const once = request();
    const both = await Promise.allSettled([sessions.open(once), sessions.open(once)]);
    expect(both.map(({ status }) => status).sort()).to.deep.equal(['fulfilled', 'rejected']);
    await refused('NONCE_REUSED', sessions.open(once));
    await refused('NONCE_REUSED', make().open(once));
  });

  it('remembers so many nonces at once, and forgets those whose time is over', async () => {
    sessions = make(2);
    await sessions.open(request());
    await sessions.open(request());
    await refused('RATE_LIMITED', sessions.open(request()));
    nowMs = NOW_MS + 241_000;
    await sessions.open(request({ at: new Date(nowMs).toISOString() }));
    expect(rows.size).to.equal(1);
  });

  it('leaves room for the others when one pseudonym opens session after session, and for itself once those are over', async () => {
    sessions = make(10, 2);
    await sessions.open(request());
    await sessions.open(request());
    await refused('RATE_LIMITED', sessions.open(request()));
    await sessions.open(request(neighbour));
    nowMs = NOW_MS + 241_000;
    await sessions.open(request({ at: new Date(nowMs).toISOString() }));
  });
});
