import type { GatewayModules } from '@careledger/gateway';

/** Sees what a gateway is about to submit; what it returns is submitted instead. */
export type SubmitHook = (argument: object) => Promise<object>;
/** Sees what a gateway's own peer answers it; what it returns is what the gateway sees. */
export type ReadHook = (result: object) => object;
/** Sees what a gateway answers to another one, by path; what it returns is sent instead. */
export type AnswerHook = (callerMspId: string, answer: string) => string;

/** Doubles of hospitals that do not keep to the rules, or not in time: their gateways with something changed on the way. */
export class Hooks {
  readonly #submits = new Map<string, SubmitHook>();
  readonly #reads = new Map<string, ReadHook>();
  readonly #answers = new Map<string, AnswerHook>();

  /** `method` as the contracts name it, such as `queries:Contribute`. Without a hook, nothing is changed any more. */
  beforeSubmit(mspId: string, method: string, hook: SubmitHook | undefined): void {
    set(this.#submits, `${mspId} ${method}`, hook);
  }

  onRead(mspId: string, method: string, hook: ReadHook | undefined): void {
    set(this.#reads, `${mspId} ${method}`, hook);
  }

  onAnswer(mspId: string, path: string, hook: AnswerHook | undefined): void {
    set(this.#answers, `${mspId} ${path}`, hook);
  }

  wrap(mspId: string, modules: GatewayModules): GatewayModules {
    const { ledger, release } = modules;
    const submit: typeof ledger.submit = async (identity, contract, method, argument, options) => {
      const hook = this.#submits.get(`${mspId} ${contract}:${method}`);
      const changed = hook === undefined ? argument : await hook(argument);
      return ledger.submit(identity, contract, method, changed, options);
    };
    const evaluate: typeof ledger.evaluate = async (identity, contract, method, argument) => {
      const result = await ledger.evaluate(identity, contract, method, argument);
      return this.#reads.get(`${mspId} ${contract}:${method}`)?.(result as object) ?? result;
    };
    const listen: typeof release.listen = (options) => {
      const routes = options.routes.map(({ path, handle }) => ({
        path,
        handle: async (callerMspId: string, body: unknown): Promise<string> => {
          const answer = await handle(callerMspId, body);
          return this.#answers.get(`${mspId} ${path}`)?.(callerMspId, answer) ?? answer;
        },
      }));
      return release.listen({ ...options, routes });
    };
    return { ...modules, ledger: overriding(ledger, { submit, evaluate }), release: { ...release, listen } };
  }
}

function set<Hook>(hooks: Map<string, Hook>, name: string, hook: Hook | undefined): void {
  if (hook === undefined) hooks.delete(name);
  else hooks.set(name, hook);
}

/** The module with some methods replaced; the others run on the original, whose private members they need. */
export function overriding<Module extends object>(module: Module, replacements: Partial<Module>): Module {
  return new Proxy(module, {
    get(target, asked) {
      if (Object.hasOwn(replacements, asked)) return Reflect.get(replacements, asked) as unknown;
      const value: unknown = Reflect.get(target, asked, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}
