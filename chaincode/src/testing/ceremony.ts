import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import {
  deltaOf,
  publicKeyToJson,
  sharingDigest,
  sharingToJson,
  splitInteger,
  verificationKeysOf,
} from '@careledger/crypto/core';
import { dealThresholdKey, type DealtThresholdKey } from '@careledger/crypto/testing';
import type { Ceremony, KeyRegistrationResult, StartCeremony } from '@careledger/protocol';
import { DIGEST, HOSPITALS, id, staff } from './consortium.js';
import type { MemoryLedger } from './memory-ledger.js';

export const TEST_KEY_BITS = 512;

/** What a ceremony would end with, by a dealer. Made once for each set of holders: it takes a while. */
export function dealtKey(holders: readonly string[]): DealtThresholdKey {
  const name = holders.join(' ');
  const key =
    dealt.get(name) ?? dealThresholdKey({ keyBits: TEST_KEY_BITS, holders, allowTestKeySize: true });
  dealt.set(name, key);
  return key;
}
const dealt = new Map<string, DealtThresholdKey>();

/** The same key, shared among others one epoch later by who knows it: what redistribution does without. */
export function reshared(key: DealtThresholdKey, holders: readonly string[]): DealtThresholdKey {
  const { publicKey, sharing, secrets } = key;
  const { n, nSquared, keyId } = publicKey;
  const { verificationBase: base } = sharing;
  const holderCount = holders.length;
  const threshold = Math.floor(holderCount / 2) + 1;
  const secret = secrets.exponent;
  const secretBits = secret.toString(2).length;
  const dealing = splitInteger({ nSquared, base, secret, secretBits, holderCount, threshold });
  const delta = deltaOf(holderCount);
  const exponent = delta * secret;
  const epoch = sharing.epoch + 1;
  return {
    publicKey,
    sharing: {
      keyId,
      epoch,
      threshold,
      holders: [...holders],
      verificationBase: base,
      verificationKeys: verificationKeysOf({ nSquared, holderCount, dealings: [dealing.commitments] }),
      theta: (4n * delta * delta * exponent) % n,
    },
    shares: dealing.subShares.map((value, index) => ({ holder: holders[index] ?? '', keyId, epoch, value })),
    secrets: { ...secrets, exponent },
  };
}

/** What holders register. */
export function documentsOf({ publicKey, sharing }: DealtThresholdKey) {
  return { publicKey: publicKeyToJson(publicKey), sharing: sharingToJson(publicKey, sharing) };
}

export function digestOf({ publicKey, sharing }: DealtThresholdKey): string {
  return sharingDigest(publicKey, sharing);
}

export function oneTimeKeys() {
  const publicText = (key: KeyObject) => key.export({ format: 'jwk' }).x ?? '';
  return {
    encryptionKey: publicText(generateKeyPairSync('x25519').publicKey),
    signingKey: publicText(generateKeyPairSync('ed25519').publicKey),
  };
}

/** One ceremony, driven by its participants without the messages between them. */
export class TestCeremony {
  readonly plan: StartCeremony;

  constructor(
    readonly ledger: MemoryLedger,
    changes: Partial<StartCeremony> = {},
  ) {
    this.plan = {
      ceremonyId: id(),
      scheme: 'paillier',
      purpose: 'generate',
      keyBits: TEST_KEY_BITS,
      holders: [...HOSPITALS],
      ...changes,
    };
  }

  get ceremonyId(): string {
    return this.plan.ceremonyId;
  }

  /** In the order of the contract: holders, then dealers that hold nothing. */
  get participants(): string[] {
    return [...new Set([...this.plan.holders, ...(this.plan.dealers ?? [])])];
  }

  async start(): Promise<this> {
    await this.ledger.submit(staff(HOSPITALS[0], 'admin'), 'ceremonies:Start', this.plan);
    return this;
  }

  async get(): Promise<Ceremony> {
    const { ceremonyId } = this;
    return (await this.ledger.evaluate(staff(HOSPITALS[0], 'auditor'), 'ceremonies:Get', {
      ceremonyId,
    })) as Ceremony;
  }

  async joining() {
    const { ceremonyId } = this;
    return { ceremonyId, attempt: (await this.get()).attempt, ...oneTimeKeys() };
  }

  /** @returns the ceremony as the last one left it. */
  async joinAll(participants: readonly string[] = this.participants): Promise<Ceremony> {
    for (const mspId of participants)
      await this.ledger.submit(staff(mspId, 'gateway'), 'ceremonies:Join', await this.joining());
    return this.get();
  }

  async post(round = 0) {
    const { ceremonyId } = this;
    const digests = Object.fromEntries(this.participants.map((mspId) => [mspId, DIGEST]));
    return { ceremonyId, attempt: (await this.get()).attempt, round, digests };
  }

  async blame(accused: string, changes: object = {}) {
    const { ceremonyId } = this;
    return {
      ceremonyId,
      attempt: (await this.get()).attempt,
      round: 0,
      accused,
      reason: 'SILENT',
      ...changes,
    };
  }

  async registration(documents: ReturnType<typeof documentsOf>) {
    const { ceremonyId } = this;
    return { ceremonyId, attempt: (await this.get()).attempt, ...documents };
  }

  /** The first holder registers, the others accept. */
  async finish(documents: ReturnType<typeof documentsOf>): Promise<KeyRegistrationResult> {
    const { ceremonyId } = this;
    const [first = '', ...others] = this.plan.holders;
    const registration = await this.registration(documents);
    const { attempt } = registration;
    const begun = await this.ledger.submit(staff(first, 'gateway'), 'queries:RegisterKey', registration);
    let { ceremony, outcome } = begun.response as KeyRegistrationResult;
    const sharing = ceremony.registration?.sharingDigest;
    for (const mspId of others) {
      const argument = { ceremonyId, attempt, sharingDigest: sharing };
      const { response } = await this.ledger.submit(staff(mspId, 'gateway'), 'queries:AcceptKey', argument);
      ({ ceremony, outcome } = response as KeyRegistrationResult);
    }
    return { outcome, ceremony };
  }
}
