import { createRequire } from 'node:module';
import type { Context } from 'fabric-contract-api';
import type { ContractClass } from '@careledger/gateway/adapters';

type FabricContractApi = typeof import('fabric-contract-api');
const { Contract } = createRequire(import.meta.url)('fabric-contract-api') as FabricContractApi;

/**
 * A contract that does whatever its argument says, under the name of a real one so that the port's types let it
 * through: the rules of the ledger itself are tested with it.
 */
class ScratchContract extends Contract {
  constructor() {
    super('members');
  }

  /** Runs the steps and returns what they read. The shim counts parameters, so the idempotency key has one. */
  async Update(context: Context, argumentJson: string, idempotencyKey: string): Promise<string> {
    if (idempotencyKey !== '') throw new Error('the scratch contract keeps no outcomes');
    return this.Get(context, argumentJson);
  }

  async Get(context: Context, argumentJson: string): Promise<string> {
    const { steps } = JSON.parse(argumentJson) as { steps: readonly Step[] };
    const seen: unknown[] = [];
    for (const step of steps) seen.push(await run(context, step));
    return JSON.stringify(seen);
  }
}

export type Step =
  | { readonly get: string }
  | { readonly put: string; readonly value: string }
  | { readonly delete: string }
  | { readonly policy: string; readonly base64: string }
  | { readonly policyOf: string }
  | { readonly range: readonly [string, string]; readonly atMost?: number }
  | { readonly page: readonly [string, string]; readonly size: number; readonly bookmark?: string }
  | { readonly under: readonly [string, ...string[]] }
  | { readonly putUnder: readonly [string, ...string[]]; readonly value: string }
  | { readonly event: string }
  | { readonly fail: string };

const HANDLERS: { readonly [Name in string]: (context: Context, step: never) => Promise<unknown> } = {
  get: async ({ stub }, step: { get: string }) => Buffer.from(await stub.getState(step.get)).toString(),
  put: ({ stub }, step: { put: string; value: string }) => stub.putState(step.put, Buffer.from(step.value)),
  delete: ({ stub }, step: { delete: string }) => stub.deleteState(step.delete),
  policy: ({ stub }, step: { policy: string; base64: string }) =>
    stub.setStateValidationParameter(step.policy, Buffer.from(step.base64, 'base64')),
  policyOf: async ({ stub }, step: { policyOf: string }) =>
    Buffer.from(
      ((await stub.getStateValidationParameter(step.policyOf)) as Uint8Array | undefined) ?? [],
    ).toString('base64'),
  range: async ({ stub }, step: { range: [string, string]; atMost?: number }) => {
    const keys: string[] = [];
    for await (const { key } of stub.getStateByRange(...step.range)) {
      keys.push(key);
      if (keys.length === step.atMost) break;
    }
    return keys;
  },
  page: async ({ stub }, step: { page: [string, string]; size: number; bookmark?: string }) => {
    const { iterator, metadata } = await stub.getStateByRangeWithPagination(
      ...step.page,
      step.size,
      step.bookmark ?? '',
    );
    const keys: string[] = [];
    for (let next = await iterator.next(); !next.done; next = await iterator.next())
      keys.push(next.value.key);
    await iterator.close();
    return { keys, ...metadata };
  },
  under: async ({ stub }, step: { under: [string, ...string[]] }) => {
    const [type, ...attributes] = step.under;
    const found: string[][] = [];
    for await (const { key } of stub.getStateByPartialCompositeKey(type, attributes))
      found.push(stub.splitCompositeKey(key).attributes);
    return found;
  },
  putUnder: ({ stub }, step: { putUnder: [string, ...string[]]; value: string }) => {
    const [type, ...attributes] = step.putUnder;
    return stub.putState(stub.createCompositeKey(type, attributes), Buffer.from(step.value));
  },
  event: ({ stub }, step: { event: string }) => {
    stub.setEvent(step.event, Buffer.from(JSON.stringify({ event: step.event, id: step.event })));
    return Promise.resolve();
  },
  fail: (_context, step: { fail: string }) => Promise.reject(new Error(step.fail)),
};

async function run(context: Context, step: Step): Promise<unknown> {
  // Canonical JSON has sorted the names.
  const name = Object.keys(step).find((key) => Object.hasOwn(HANDLERS, key));
  const answer = await HANDLERS[name ?? 'fail']!(context, step as never);
  return answer instanceof Uint8Array ? null : (answer ?? null);
}

export const SCRATCH_CONTRACTS: readonly ContractClass[] = [ScratchContract];
