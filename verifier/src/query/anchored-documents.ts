/** Documents that queries and audits both rest on, each as its sender signed it. */
import { layoutDigest } from '@careledger/crypto';
import {
  AggregationKeySchema,
  KEYS,
  PanelSchema,
  RegisteredLayoutSchema,
  type AggregationKey,
  type Panel,
  type PanelLayoutDocument,
} from '@careledger/protocol';
import type { Found } from '../found.js';
import type { Facts } from '../ledger/facts.js';
import { assertWrittenOnce, readDocument } from './documents.js';

/** There is one consortium and one key: the place where they stand. */
export const CURRENT = ['current'];

/** @param epoch of the sharing that is wanted; default the last one */
export function readKey(
  facts: Facts,
  { keyId, epoch }: { readonly keyId: string; readonly epoch?: number },
  found: Found,
): AggregationKey | undefined {
  const subject = `key ${keyId}`;
  const versions = facts.history(KEYS.aggregationKey, CURRENT).filter(({ value }) => {
    const { publicKey, sharing } = value as Partial<AggregationKey>;
    return publicKey?.keyId === keyId && (epoch === undefined || sharing?.epoch === epoch);
  });
  const last = versions.at(-1);
  if (last === undefined) {
    found.add('KEY_INVALID', { subject, expected: 'a key of this id', came: 'none on the ledger' });
    return undefined;
  }
  const methods = ['queries:RegisterKey', 'queries:AcceptKey'];
  return readDocument(AggregationKeySchema, last, { subject, methods, signedFields: [] }, found);
}

/** A layout is what its digest says, and never another under the same id and version. */
export function readLayout(
  facts: Facts,
  { layoutId, layoutVersion }: Pick<Panel, 'layoutId' | 'layoutVersion'>,
  found: Found,
): PanelLayoutDocument | undefined {
  const subject = `layout ${layoutId} version ${String(layoutVersion)}`;
  const address = [layoutId, String(layoutVersion).padStart(4, '0')];
  const [first] = facts.history(KEYS.panelLayout, address);
  assertWrittenOnce(facts.history(KEYS.panelLayout, address), subject, found);
  if (first === undefined) {
    found.add('LAYOUT_INVALID', { subject, expected: 'a registered layout', came: 'none' });
    return undefined;
  }
  const provenance = { subject, methods: ['panels:RegisterLayout'], signedFields: ['layout'] };
  const registered = readDocument(RegisteredLayoutSchema, first, provenance, found);
  if (registered === undefined) return undefined;
  const { layout, digest, txId } = registered;
  const actual = found.orAdd('LAYOUT_INVALID', { subject, txId }, () => layoutDigest(layout));
  const isNamed = layout.id === layoutId && layout.version === layoutVersion;
  if (actual === undefined) return undefined;
  if (actual !== digest || !isNamed) {
    found.add('LAYOUT_INVALID', { subject, expected: digest, came: actual, txId });
    return undefined;
  }
  return layout;
}

/** @returns undefined when there is no such panel */
export function readPanel(facts: Facts, panelId: string, found: Found): Panel | undefined {
  const subject = `panel ${panelId}`;
  const fact = facts.latest(KEYS.panel, [panelId]);
  assertWrittenOnce(facts.history(KEYS.panel, [panelId]), subject, found);
  if (fact === undefined) return undefined;
  const signer = (fact.value as Partial<Panel>).ownerMspId;
  const provenance = {
    subject,
    methods: ['panels:Anchor'],
    ...(signer === undefined ? {} : { signer }),
    signedFields: ['panelId', 'layoutId', 'layoutVersion', 'keyId', 'cid', 'rows'],
  };
  return readDocument(PanelSchema, fact, provenance, found);
}
