/**
 * Divergence from the design, labelled on the ledger as `origin: "dealer"`: one hospital makes the Paillier key, hands
 * every member an additive share over mutual TLS, and forgets it. It sees the whole key for that moment, and a share
 * holder's partial decryption carries no proof. The dealerless threshold key replaces this file behind `KeyHolders`.
 */
import {
  ciphertextDigest,
  dealKeyShares,
  keyShareToJson,
  publicKeyToJson,
  type KeyShare,
  type PaillierPublicKey,
  type PartialDecryption,
} from '@careledger/crypto';
import { CareLedgerError, type AggregationKey, type Member, type Page } from '@careledger/protocol';
import type { KeyCustody } from '../ports/key-custody.js';
import type { KeyHolders } from '../ports/key-holders.js';
import type { AggregateLedger } from './aggregate-ledger.js';

/** What the dealer hands to one holder, over mutual TLS. */
export interface DealtShare {
  readonly keyId: string;
  readonly share: unknown;
}

export interface DealerKeyHoldersOptions {
  readonly aggregate: AggregateLedger;
  readonly custody: KeyCustody;
  /** MSP id of the hospital that deals. */
  readonly dealerMspId: string;
  /** Every member of the consortium, this one included. */
  readonly memberMspIds: readonly string[];
  readonly keyBits: number;
  readonly allowTestKeySize?: boolean;
  /** Delivers a share to another hospital's gateway; rejects with PEER_GATEWAY_UNAVAILABLE while it does not answer. */
  readonly deliver: (mspId: string, dealt: DealtShare, signal: AbortSignal) => Promise<void>;
}

export class DealerKeyHolders implements KeyHolders {
  /** Kept only until every share is delivered and the key is registered, so that a retry deals the same key. */
  #dealt: ReturnType<typeof dealKeyShares> | undefined;

  constructor(private readonly options: DealerKeyHoldersOptions) {}

  async ensureKey(signal: AbortSignal): Promise<AggregationKey | undefined> {
    const { aggregate, dealerMspId } = this.options;
    const key = await aggregate.key();
    // Nobody accepts a key that another than the dealer registered, and it must not keep the dealer's away.
    const isAwaited = key === undefined || (key.status !== 'active' && key.registeredBy !== dealerMspId);
    if (isAwaited) return aggregate.mspId === dealerMspId ? this.#deal(signal) : key;
    await this.#acceptIfHeld(key);
    return key;
  }

  /**
   * Takes the share that the dealer delivers. It is used only for the key that the ledger names, and only from the
   * hospital that registered it.
   * @throws CareLedgerError NOT_OWNER for anybody but the dealer
   */
  async receive(fromMspId: string, dealt: DealtShare): Promise<void> {
    if (fromMspId !== this.options.dealerMspId) {
      throw new CareLedgerError('NOT_OWNER', {
        expected: `the dealer ${this.options.dealerMspId}`,
        came: fromMspId,
      });
    }
    await this.options.custody.storeKeyShare({ keyId: dealt.keyId, shareJson: dealt.share });
  }

  async partialDecryption(key: AggregationKey, ciphertext: bigint): Promise<PartialDecryption> {
    const { custody, aggregate } = this.options;
    if (!(await custody.hasKeyShare(key.publicKey.keyId))) {
      throw new CareLedgerError('KEY_NOT_FOUND', {
        expected: `a share of key ${key.publicKey.keyId}`,
        came: 'no share',
      });
    }
    const publicKey = aggregate.publicKey(key);
    const partial = await custody.partialDecryption(publicKeyToJson(publicKey), ciphertext);
    if (partial.ciphertextDigest === ciphertextDigest(publicKey, ciphertext)) return partial;
    throw new CareLedgerError('CIPHERTEXT_INVALID', { expected: 'a partial decryption of the aggregate' });
  }

  /** Shares are delivered before the key is registered: a registered key is one that every holder can accept. */
  async #deal(signal: AbortSignal): Promise<AggregationKey | undefined> {
    const { aggregate, memberMspIds } = this.options;
    if (!(await this.#areActive(memberMspIds))) return undefined;
    const { publicKey, shares } = await (this.#dealt ??= this.#makeKey());
    for (const share of shares) await this.#handOver(publicKey, share, signal);
    await aggregate.ledger.submit(aggregate.identity, 'queries', 'RegisterKey', {
      publicKey: publicKeyToJson(publicKey),
      origin: 'dealer',
      holders: [...memberMspIds],
    });
    this.#dealt = undefined;
    const key = await aggregate.key();
    if (key !== undefined) await this.#acceptIfHeld(key);
    return key;
  }

  #makeKey() {
    const { memberMspIds: holders, keyBits, allowTestKeySize = false } = this.options;
    return dealKeyShares({ keyBits, holders, allowTestKeySize });
  }

  async #areActive(mspIds: readonly string[]): Promise<boolean> {
    const { ledger, identity } = this.options.aggregate;
    const { items } = (await ledger.evaluate(identity, 'members', 'List', {})) as Page<Member>;
    const active = new Set(items.filter(({ status }) => status === 'active').map(({ mspId }) => mspId));
    return mspIds.every((mspId) => active.has(mspId));
  }

  async #handOver(publicKey: PaillierPublicKey, share: KeyShare, signal: AbortSignal): Promise<void> {
    const dealt = { keyId: publicKey.keyId, share: keyShareToJson(publicKey, share) };
    if (share.holder === this.options.aggregate.mspId) await this.receive(share.holder, dealt);
    else await this.options.deliver(share.holder, dealt, signal);
  }

  async #acceptIfHeld(key: AggregationKey): Promise<void> {
    const { aggregate, custody } = this.options;
    const { keyId } = key.publicKey;
    if (key.acceptedBy.includes(aggregate.mspId) || !key.holders.includes(aggregate.mspId)) return;
    if (key.registeredBy !== this.options.dealerMspId || !(await custody.hasKeyShare(keyId))) return;
    await aggregate.ledger.submit(aggregate.identity, 'queries', 'AcceptKey', { keyId });
  }
}
