import { expect } from 'chai';
import { custodiansOf, enoughToErase, keyServersFor } from './key-servers.js';

describe('key servers', () => {
  const MEMBERS = ['DeltaMSP', 'AlphaMSP', 'CharlieMSP', 'BravoMSP'];

  it('are the two that follow the owner on the ring of active members', () => {
    expect(keyServersFor('AlphaMSP', MEMBERS)).to.deep.equal(['BravoMSP', 'CharlieMSP']);
    expect(keyServersFor('CharlieMSP', MEMBERS)).to.deep.equal(['DeltaMSP', 'AlphaMSP']);
    expect(keyServersFor('DeltaMSP', MEMBERS)).to.deep.equal(['AlphaMSP', 'BravoMSP']);
  });

  it('are none where there are not two others', () => {
    expect(keyServersFor('AlphaMSP', ['AlphaMSP', 'BravoMSP'])).to.equal(undefined);
    expect(keyServersFor('AlphaMSP', ['BravoMSP'])).to.equal(undefined);
  });

  it('hold the key with the owner, who comes first', () => {
    const record = { ownerMspId: 'AlphaMSP', keyServers: ['BravoMSP', 'CharlieMSP'] };
    expect(custodiansOf(record)).to.deep.equal(['AlphaMSP', 'BravoMSP', 'CharlieMSP']);
    expect(enoughToErase(record)).to.equal(2);
    expect(custodiansOf({ ownerMspId: 'AlphaMSP' })).to.deep.equal(['AlphaMSP']);
    expect(enoughToErase({ ownerMspId: 'AlphaMSP' })).to.equal(1);
  });
});
