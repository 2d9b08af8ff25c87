import { SENSITIVITIES, type Sensitivity } from '@careledger/protocol';
import { isObject } from './fhir-shapes.js';

/** https://terminology.hl7.org/CodeSystem-v3-Confidentiality.html: U, L, M and N are shared as everything is. */
const CONFIDENTIALITY = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
const BY_CODE: Readonly<Record<string, Sensitivity>> = { R: 'restricted', V: 'very-restricted' };

/**
 * How sensitive a resource is, by its `meta.security` and that of what it contains. Without a label of the
 * confidentiality code system it is normal; labels of other systems say something else.
 */
export function sensitivityOf(resource: unknown): Sensitivity {
  if (!isObject(resource)) return 'normal';
  const { meta, contained } = resource;
  const labels = isObject(meta) && Array.isArray(meta['security']) ? (meta['security'] as unknown[]) : [];
  const inside = Array.isArray(contained) ? (contained as unknown[]) : [];
  return mostSensitive(...labels.map(ofLabel), ...inside.map(sensitivityOf));
}

export function mostSensitive(...sensitivities: readonly Sensitivity[]): Sensitivity {
  return SENSITIVITIES.findLast((candidate) => sensitivities.includes(candidate)) ?? 'normal';
}

function ofLabel(label: unknown): Sensitivity {
  if (!isObject(label) || label['system'] !== CONFIDENTIALITY || typeof label['code'] !== 'string')
    return 'normal';
  return Object.hasOwn(BY_CODE, label['code']) ? (BY_CODE[label['code']] ?? 'normal') : 'normal';
}
