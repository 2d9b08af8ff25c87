// node crypto/vectors/make-sharing.mjs: writes sharing-v1.json, after `npx tsc -b crypto`.
// Everything is drawn from seeds, so that another implementation can follow each step.
import { writeFileSync } from 'node:fs';
import { initPairing } from '../dist/index.js';
import { sharingVectors } from '../dist/pre/vectors.test-support.js';

const vectors = sharingVectors(await initPairing());
writeFileSync(new URL('sharing-v1.json', import.meta.url), `${JSON.stringify(vectors, undefined, 2)}\n`);
