import { DEFAULT_TOPOLOGY_FILE, loadTopology } from '@careledger/network';
import type { RunningNetwork } from '../../e2e/support/network.js';
import { until } from '../../e2e/support/until.js';

const LEADER = /^consensus_smartbft_view_leader_id\{.*\} (\d+)$/m;

/** The hospital whose orderer leads, as the orderers' own metrics name it: most of them agree. */
export async function leadingHospital(network: RunningNetwork): Promise<number> {
  const { hospitals } = loadTopology(process.env['CARELEDGER_TOPOLOGY'] ?? DEFAULT_TOPOLOGY_FILE);
  return until('agreement on the leader', 30_000, async () => {
    const named = await Promise.all(
      network.configs.map(async (_, index) => {
        const { host, ports } = hospitals[index]!;
        const answer = await fetch(`http://${host}:${String(ports.ordererOperations)}/metrics`);
        return Number(LEADER.exec(await answer.text())?.[1]);
      }),
    );
    const [leader] = named.filter((id) => named.filter((other) => other === id).length >= 3);
    return leader;
  });
}
