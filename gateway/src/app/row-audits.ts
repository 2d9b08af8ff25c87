/** Assembles row audits: proofs about this hospital's panels, and questions to the owners of others. */
import { Counter } from 'prom-client';
import type { RowAudit } from '@careledger/protocol';
import type { AggregateLedger } from '../aggregate/aggregate-ledger.js';
import { askOwner, rowAuditRoute } from '../aggregate/row-audit-exchange.js';
import { RowAuditor, type PanelAudit, type RowAuditorModules } from '../aggregate/row-audit.js';
import { rowAuditRoutes } from '../rest/routes/row-audits.js';
import type { GatewayExtension, GatewayModules, GatewayServices } from './gateway.js';

export function createRowAudits(
  aggregate: AggregateLedger,
  auditing: Omit<RowAuditorModules, 'onRowsProven'>,
  { contracts, identity, metrics }: GatewayServices,
  { release }: GatewayModules,
): Required<Omit<GatewayExtension, 'run'>> {
  const proven = new Counter({
    name: 'careledger_panel_rows_proven_total',
    help: 'Rows of panels proven to auditors, those of audits under way included.',
    registers: [metrics],
  });
  const auditor = new RowAuditor(aggregate, {
    ...auditing,
    onRowsProven: (count) => {
      proven.inc(count);
    },
  });
  const prove = (audit: PanelAudit): Promise<RowAudit> => auditor.prove(audit);
  const audit = async (asked: PanelAudit): Promise<RowAudit> => {
    const { ownerMspId: mspId } = await aggregate.panel(asked.panelId);
    if (mspId === aggregate.mspId) return prove(asked);
    const { gatewayUrl } = await contracts.evaluate(identity, 'members', 'Get', { mspId });

    return askOwner({ mspId, gatewayUrl }, asked, (member) => release.connect(member));
  };
  return { routes: [rowAuditRoutes(audit)], peerRoutes: [rowAuditRoute(prove)] };
}
