import {
  KEYS,
  type Access,
  type AccessDecision,
  type AccessWithReceipt,
  type ListAccess,
} from '@careledger/protocol';
import { placeOf } from '../shell/record-batches.js';
import type { Call } from '../shell/call.js';
import type { Index } from '../shell/paging.js';

/** Access entries weigh up to 500 decisions each, so a page holds fewer of them unless asked otherwise. */
export const DEFAULT_ACCESS_PAGE = 20;

/**
 * The index that answers a listing. By patient, hospital or record an entry shows the decisions about that patient,
 * hospital or record only.
 */
export function accessIndex(call: Call, request: ListAccess): Index<AccessWithReceipt> {
  switch (request.by) {
    case 'time':
      return indexOf(call, KEYS.accessByTime, [], () => true);
    case 'requester':
      return indexOf(
        call,
        KEYS.accessByRequester,
        [request.value.mspId, request.value.enrolmentId],
        () => true,
      );
    case 'patient':
      return indexOf(
        call,
        KEYS.accessByPatient,
        [request.value],
        ({ pseudonym }) => pseudonym === request.value,
      );
    case 'hospital':
      return indexOf(
        call,
        KEYS.accessByHospital,
        [request.value],
        ({ ownerMspId }) => ownerMspId === request.value,
      );
    case 'record': {
      const { batchId } = placeOf(request.value);
      return indexOf(call, KEYS.accessByRecord, [batchId], ({ recordId }) => recordId === request.value);
    }
  }
}

export async function withReceipt(call: Call, access: Access): Promise<AccessWithReceipt> {
  const receipt = await call.state.read(KEYS.receipt, [access.accessId]);
  return receipt === undefined ? access : { ...access, receipt };
}

type AccessPrefix = Extract<(typeof KEYS)[keyof typeof KEYS], `by-${string}-access`>;

function indexOf(
  call: Call,
  prefix: AccessPrefix,
  attributes: readonly string[],
  isShown: (decision: AccessDecision) => boolean,
): Index<AccessWithReceipt> {
  return {
    prefix,
    attributes,
    load: async ([, accessId = '']) => {
      const access = await call.state.read(KEYS.access, [accessId]);
      const decisions = access?.decisions.filter(isShown) ?? [];
      return access === undefined || decisions.length === 0
        ? []
        : [await withReceipt(call, { ...access, decisions })];
    },
  };
}
