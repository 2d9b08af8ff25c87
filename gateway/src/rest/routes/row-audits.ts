import { PanelQuerySchema, RowAuditRequestSchema, RowAuditSchema, type RowAudit } from '@careledger/protocol';
import type { PanelAudit } from '../../aggregate/row-audit.js';
import type { Routes } from '../types.js';

const config = { access: { roles: ['auditor'] as const } };

/** An auditor of any hospital asks here; panels of other hospitals are proven by their owners' gateways. */
export function rowAuditRoutes(audit: (asked: PanelAudit) => Promise<RowAudit>): Routes {
  return (rest) => {
    rest.post(
      '/v1/panels/:panelId/row-audits',
      {
        config,
        schema: {
          tags: ['aggregate'],
          summary: 'Have the owner prove that rows of a panel are well-formed, without showing them',
          description:
            'The answer is checked offline against ledger and record store: `careledger verify panel ID --audit FILE`. One to two seconds per row; one audit at a time.',
          params: PanelQuerySchema,
          body: RowAuditRequestSchema,
          response: { 200: RowAuditSchema },
        },
      },
      (request) => audit({ ...request.params, ...request.body }),
    );
  };
}
