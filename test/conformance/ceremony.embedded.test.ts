import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { expect } from 'chai';
import { embeddedContracts } from '@careledger/chaincode/embedded';
import { publicKeyToJson, sharingToJson } from '@careledger/crypto';
import { dealThresholdKey } from '@careledger/crypto/testing';
import { decodeBlock, type EmbeddedLedger } from '@careledger/gateway/adapters';
import type { AggregationKey, Ceremony, CeremonyPost, KeyRegistrationResult } from '@careledger/protocol';
import { makeConsortium, MSP_IDS, type EmbeddedConsortium } from './support/embedded-consortium.js';
import { enrolPerson, type Person } from './support/identities.js';
import { admitAll, codeOf, randomId, take } from './support/scenario.js';

const KEY_BITS = 512;
const publicText = (key: KeyObject) => key.export({ format: 'jwk' }).x ?? '';

/** The contracts of a ceremony on a ledger with versions and blocks, where its participants act at once. */
describe('embedded ledger: a ceremony of hospitals that act at once', () => {
  let consortium: EmbeddedConsortium;
  let ledger: EmbeddedLedger;
  let gateways: Person[];
  const ceremonyId = randomId();

  before(async () => {
    consortium = await makeConsortium();
    ledger = await consortium.open({ contracts: embeddedContracts({ allowTestKeySize: true }) });
    const enrol = (role: 'admin' | 'gateway') =>
      Promise.all(MSP_IDS.map((mspId) => enrolPerson(consortium.authority(mspId), mspId, role)));
    const admins = await enrol('admin');
    gateways = await enrol('gateway');
    await admitAll(
      ledger,
      MSP_IDS.map((mspId, index) => ({ mspId, admin: admins[index]! })),
    );
    const plan = {
      ceremonyId,
      scheme: 'paillier',
      purpose: 'generate',
      keyBits: KEY_BITS,
      holders: [...MSP_IDS],
    };
    await ledger.submit(admins[0]!, 'ceremonies', 'Start', plan);
  });
  after(async () => {
    await ledger.close();
    await consortium.remove();
  });

  const read = async (): Promise<Ceremony> =>
    (await ledger.evaluate(gateways[0]!, 'ceremonies', 'Get', { ceremonyId })) as Ceremony;
  const joinAll = (attempt: number) =>
    Promise.all(
      gateways.map((gateway) =>
        ledger.submit(gateway, 'ceremonies', 'Join', {
          ceremonyId,
          attempt,
          encryptionKey: publicText(generateKeyPairSync('x25519').publicKey),
          signingKey: publicText(generateKeyPairSync('ed25519').publicKey),
        }),
      ),
    );
  const codesFrom = async (from: bigint): Promise<string[]> => {
    const count = Number((await ledger.height()) - from);
    const blocks = await take(count, (signal) => ledger.blocks(gateways[0]!, from, signal));
    return blocks.map(decodeBlock).flatMap(({ transactions }) => transactions.map(({ code }) => code));
  };

  it('all join, whoever is first, and it runs', async () => {
    await joinAll(1);
    const { status, joined } = await read();
    expect(status).to.equal('running');
    expect(joined.map(({ mspId }) => mspId)).to.have.members([...MSP_IDS]);
  });

  it('all post without a conflict', async () => {
    const from = await ledger.height();
    const digests = Object.fromEntries(MSP_IDS.map((mspId) => [mspId, 'ab'.repeat(32)]));
    const rounds = [0, 1, 2];
    await Promise.all(
      rounds.flatMap((round) =>
        gateways.map((gateway) =>
          ledger.submit(gateway, 'ceremonies', 'Post', { ceremonyId, attempt: 1, round, digests }),
        ),
      ),
    );
    expect(await codesFrom(from)).to.deep.equal(Array(12).fill('VALID'));
    const asked = { ceremonyId, attempt: 1, round: 2 };
    const { items } = (await ledger.evaluate(gateways[1]!, 'ceremonies', 'Posts', asked)) as {
      items: CeremonyPost[];
    };
    expect(items.map(({ mspId }) => mspId)).to.deep.equal([...MSP_IDS]);
  });

  it('two blame each other: one attempt ends, both say why', async () => {
    const blame = (accuser: number, accused: number) =>
      ledger.submit(gateways[accuser]!, 'ceremonies', 'Blame', {
        ceremonyId,
        attempt: 1,
        round: 2,
        accused: MSP_IDS[accused],
        reason: 'EQUIVOCATION',
      });
    await Promise.all([blame(1, 3), blame(3, 1)]);
    const { status, attempt, faults } = await read();
    expect([status, attempt]).to.deep.equal(['joining', 2]);
    expect(faults.map(({ accuser }) => accuser)).to.have.members([MSP_IDS[1], MSP_IDS[3]]);
  });

  it('all register the key at once, and it is in force once', async () => {
    await joinAll(2);
    const { publicKey, sharing } = dealThresholdKey({
      keyBits: KEY_BITS,
      holders: MSP_IDS,
      allowTestKeySize: true,
    });
    const documents = { publicKey: publicKeyToJson(publicKey), sharing: sharingToJson(publicKey, sharing) };
    const registered = await Promise.all(
      gateways.map((gateway) =>
        ledger.submit(gateway, 'queries', 'RegisterKey', { ceremonyId, attempt: 2, ...documents }),
      ),
    );
    const outcomes = registered.map(({ result }) => (result as KeyRegistrationResult).outcome);
    expect(outcomes.sort()).to.deep.equal(['active', 'registered', 'registered', 'registered']);
    const key = (await ledger.evaluate(gateways[2]!, 'queries', 'GetKey', {})) as AggregationKey;
    expect(key.acceptedBy).to.have.members([...MSP_IDS]);
    expect((await read()).status).to.equal('finished');
  });

  it('takes no key of test size where nobody asked for it', async () => {
    await ledger.close();
    const other = await makeConsortium();
    ledger = await other.open();
    const admin = await enrolPerson(other.authority(MSP_IDS[0]), MSP_IDS[0], 'admin');
    const rest = await Promise.all(
      MSP_IDS.slice(1).map(async (mspId) => ({
        mspId,
        admin: await enrolPerson(other.authority(mspId), mspId, 'admin'),
      })),
    );
    await admitAll(ledger, [{ mspId: MSP_IDS[0], admin }, ...rest]);
    const plan = {
      ceremonyId,
      scheme: 'paillier',
      purpose: 'generate',
      keyBits: 1024,
      holders: [...MSP_IDS],
    };
    expect(await codeOf(ledger.submit(admin, 'ceremonies', 'Start', plan))).to.equal('SCHEMA_VIOLATION');
    await ledger.submit(admin, 'ceremonies', 'Start', { ...plan, keyBits: 2048 });
    await other.remove();
  });
});
