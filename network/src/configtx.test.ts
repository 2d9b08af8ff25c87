import { expect } from 'chai';
import { configtxFor } from './configtx.js';
import type { PublicHospital } from './exchange.js';
import { DEFAULT_TOPOLOGY_FILE } from './home.js';
import { loadTopology } from './topology.js';

interface Profile {
  Capabilities: object;
  Orderer: {
    OrdererType: string;
    ConsenterMapping: { ID: number; Port: number; MSPID: string }[];
    Capabilities: object;
  };
  Application: {
    Policies: Record<string, { Rule: string }>;
    Organizations: { ID: string; AnchorPeers: object[]; Policies: Record<string, { Rule: string }> }[];
    Capabilities: object;
  };
}

describe('channel configuration', () => {
  const topology = loadTopology(DEFAULT_TOPOLOGY_FILE);
  const hospitals = topology.hospitals.map(({ id, mspId, host, ports }): PublicHospital => ({
    id,
    mspId,
    identityRoot: 'root',
    tlsRoot: 'root',
    orderer: {
      address: `${host}:${String(ports.orderer)}`,
      clusterHost: host,
      clusterPort: ports.ordererCluster,
      identity: 'cert',
      tlsCertificate: 'cert',
    },
    peerAddress: `${host}:${String(ports.peer)}`,
    gatewayUrl: `https://${host}:${String(ports.gatewayPeer)}`,
    ipfs: { peerId: 'peer', address: '/ip4/127.0.0.1/tcp/1' },
  }));
  const profile = (configtxFor(topology, hospitals, 'Test') as { Profiles: { Test: Profile } }).Profiles.Test;

  it('asks for a majority to endorse and to change the chaincode', () => {
    expect(profile.Application.Policies['Endorsement']?.Rule).to.equal('MAJORITY Endorsement');
    expect(profile.Application.Policies['LifecycleEndorsement']?.Rule).to.equal('MAJORITY Endorsement');
  });

  it('lets only peers endorse and only clients and administrators write', () => {
    const first = profile.Application.Organizations[0];
    expect(first?.Policies['Endorsement']?.Rule).to.equal("OR('Hospital1MSP.peer')");
    expect(first?.Policies['Writers']?.Rule).to.equal("OR('Hospital1MSP.admin', 'Hospital1MSP.client')");
  });

  it('orders with one consenter per hospital, on its cluster port', () => {
    expect(profile.Orderer.OrdererType).to.equal('BFT');
    expect(profile.Orderer.ConsenterMapping.map(({ ID, Port, MSPID }) => [ID, Port, MSPID])).to.deep.equal([
      [1, 17_056, 'Hospital1MSP'],
      [2, 18_056, 'Hospital2MSP'],
      [3, 19_056, 'Hospital3MSP'],
      [4, 20_056, 'Hospital4MSP'],
    ]);
  });

  it('names every peer as an anchor and the capabilities of Fabric 3', () => {
    expect(profile.Application.Organizations.map((organisation) => organisation.AnchorPeers)).to.deep.equal(
      [17_051, 18_051, 19_051, 20_051].map((Port) => [{ Host: '127.0.0.1', Port }]),
    );
    expect([
      profile.Capabilities,
      profile.Orderer.Capabilities,
      profile.Application.Capabilities,
    ]).to.deep.equal([{ V3_0: true }, { V2_0: true }, { V2_5: true }]);
  });
});
