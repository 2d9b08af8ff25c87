import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { identityAuthorityConformance } from './identity-authority.js';
import { runningConsortium } from './support/fabric-consortium.js';

identityAuthorityConformance('fabric-ca', async () => {
  const consortium = runningConsortium();
  const { hospital, ca } = consortium.configs[0]!;
  let authority = consortium.authority(hospital.mspId);
  return {
    mspId: hospital.mspId,
    rootCertificate: await rootOf(`${ca.url}/cainfo?ca=${ca.name}`, readFileSync(ca.tlsRootFile, 'utf8')),
    authority: () => authority,
    reopen() {
      authority = consortium.authority(hospital.mspId);
      return Promise.resolve();
    },
    close: () => Promise.resolve(),
  };
});

async function rootOf(url: string, tlsRoot: string): Promise<string> {
  const body = await new Promise<string>((resolve, reject) => {
    const request = get(url, { ca: tlsRoot, timeout: 10_000 }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        resolve(text);
      });
    });
    request.on('error', reject);
  });
  const { result } = JSON.parse(body) as { result: { CAChain: string } };
  return Buffer.from(result.CAChain, 'base64').toString('utf8');
}
