import { Context, Transaction } from 'fabric-contract-api';
import { CryptoError, assertLayout, layoutDigest } from '@careledger/crypto/core';
import {
  CareLedgerError,
  EVENTS,
  KEYS,
  type Panel,
  type PanelLayoutDocument,
  type RegisteredLayout,
} from '@careledger/protocol';
import { readLayout, requireKey, numberText } from './aggregate/reading.js';
import { assertHolder } from './aggregate/steps.js';
import { requireActiveMember, type Call } from './shell/call.js';
import { CareLedgerContract } from './shell/careledger-contract.js';
import { requireRole } from './shell/caller.js';
import { readPage } from './shell/paging.js';

/** Rows encrypted for aggregates: how they are packed, and where each hospital's blocks of them are. */
export class PanelsContract extends CareLedgerContract<'panels'> {
  constructor() {
    super('panels');
  }

  /** A layout never changes under its id and version: rows that were packed by it must stay readable. */
  @Transaction()
  RegisterLayout(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(
      context,
      'RegisterLayout',
      { argumentJson, idempotencyKey },
      async (call, { layout }) => {
        requireRole(call.caller, ['officer', 'gateway', 'admin']);
        await requireActiveMember(call);
        const digest = checkedDigest(layout);
        const address = [layout.id, numberText(layout.version)];
        if (await call.state.exists(KEYS.panelLayout, address)) {
          throw new CareLedgerError('ALREADY_EXISTS', { came: 'the id and version of a registered layout' });
        }
        const { mspId } = call.caller;
        const result: RegisteredLayout = {
          layout,
          digest,
          registeredBy: mspId,
          registeredAt: call.at,
          txId: call.txId,
        };
        await call.state.write(KEYS.panelLayout, address, result);
        return {
          result,
          event: { event: EVENTS.panelAnchored, id: layout.id, mspId, status: 'layout-registered' },
        };
      },
    );
  }

  /** One block of the caller's hospital. Which patient a row is of stays with the hospital. */
  @Transaction()
  Anchor(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    return this.submit(context, 'Anchor', { argumentJson, idempotencyKey }, async (call, fields) => {
      requireRole(call.caller, ['officer', 'gateway']);
      const consortium = await requireActiveMember(call);
      const { panelId, layoutId, layoutVersion, keyId } = fields;
      const key = await requireKey(call, keyId);
      const { publicKey } = key;
      // A member that was admitted later has not accepted the key, and its rows would be of no use to any query.
      assertHolder(key, call.caller.mspId);
      const { layout } = await readLayout(call, layoutId, layoutVersion);
      if (layout.keyBits !== publicKey.keyBits) {
        throw new CareLedgerError('SCHEMA_VIOLATION', {
          expected: `a layout for ${String(publicKey.keyBits)} bits`,
        });
      }
      if (await call.state.exists(KEYS.panel, [panelId])) {
        throw new CareLedgerError('ALREADY_EXISTS', { came: 'the id of an anchored panel' });
      }
      const { mspId } = call.caller;
      const panel: Panel = {
        ...fields,
        ownerMspId: mspId,
        anchoredBy: call.caller,
        anchoredAt: call.at,
        txId: call.txId,
      };
      await call.state.write(KEYS.panel, [panelId], panel);
      await call.state.setOwner(KEYS.panel, [panelId], mspId, consortium);
      await call.state.mark(KEYS.panelsByLayout, [layoutId, mspId, call.at, panelId]);
      return {
        result: panel,
        event: { event: EVENTS.panelAnchored, id: panelId, mspId, status: 'anchored' },
      };
    });
  }

  @Transaction(false)
  GetLayout(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'GetLayout', argumentJson, (call, { layoutId, version }) =>
      readLayout(call, layoutId, version),
    );
  }

  @Transaction(false)
  Get(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'Get', argumentJson, (call, { panelId }) => readPanel(call, panelId));
  }

  @Transaction(false)
  List(context: Context, argumentJson: string): Promise<string> {
    return this.evaluate(context, 'List', argumentJson, (call, request) => {
      const load = async ([, panelId = '']: readonly string[]) => [await readPanel(call, panelId)];
      const attributes = [request.layoutId, request.mspId];
      return readPage(call.state, { prefix: KEYS.panelsByLayout, attributes, load }, request);
    });
  }
}

async function readPanel(call: Call, panelId: string): Promise<Panel> {
  const panel = await call.state.read(KEYS.panel, [panelId]);
  if (panel === undefined) throw new CareLedgerError('PANEL_NOT_FOUND', { came: panelId });
  return panel;
}

/** @throws CareLedgerError SCHEMA_VIOLATION when the slots do not fit, or a field contradicts itself. */
function checkedDigest(layout: PanelLayoutDocument): string {
  try {
    assertLayout(layout);
    return layoutDigest(layout);
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new CareLedgerError('SCHEMA_VIOLATION', {
      message: `The layout cannot be packed: ${cause.message}`,
      cause,
    });
  }
}
