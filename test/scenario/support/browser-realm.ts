/**
 * A realm as a browser has it, for modules that claim to need nothing of Node: its globals are the web's, and what a
 * module imports is loaded into it too, or refused when it is Node's own. Resolves names as an import map or a bundler
 * would; CommonJS packages are wrapped as a bundler wraps them. Runs under `--experimental-vm-modules` and
 * `--experimental-import-meta-resolve`, in a process of its own: `browser-process.ts`.
 */
import { readFile } from 'node:fs/promises';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';

/** What browsers have beside the language itself. */
const WEB = {
  AbortController,
  AbortSignal,
  DOMException,
  TextDecoder,
  TextEncoder,
  URL,
  URLSearchParams,
  atob,
  btoa,
  clearTimeout,
  crypto,
  fetch,
  performance,
  queueMicrotask,
  setTimeout,
  structuredClone,
};
/** Of this process's realm, in which those above make and check them. */
const BYTES = { ArrayBuffer, DataView, Uint8Array, Uint16Array, Uint32Array };

export interface BrowserRealm {
  /** Evaluates a module; what it exports as `default`. @throws what it throws; Error for what a browser lacks */
  run(source: string): Promise<unknown>;
}

/** @param given further globals that are JSON, such as what a test passes in */
export function browserRealm(given: Readonly<Record<string, unknown>> = {}): BrowserRealm {
  const context = vm.createContext({ ...WEB, ...BYTES });
  // Objects of the realm itself, as if they had come over the network.
  const parse = vm.runInContext('JSON.parse', context) as typeof JSON.parse;
  Object.assign(context, parse(JSON.stringify(given)));
  const loaded = new Map<string, Promise<vm.Module>>();

  const load = (specifier: string, parent: string): Promise<vm.Module> => {
    const url = import.meta.resolve(specifier, parent);
    if (!url.startsWith('file:'))
      return Promise.reject(new Error(`A browser has no ${specifier}, which ${parent} imports.`));
    const before = loaded.get(url);
    if (before !== undefined) return before;
    const module = read(url);
    loaded.set(url, module);
    return module;
  };
  const read = async (url: string): Promise<vm.Module> =>
    isCommonJs(fileURLToPath(url)) ? wrapped(url) : fromSource(await readFile(new URL(url), 'utf8'), url);
  const fromSource = (source: string, identifier: string): vm.SourceTextModule =>
    new vm.SourceTextModule(source, {
      context,
      identifier,
      initializeImportMeta: (meta) => {
        meta.url = identifier;
      },
      importModuleDynamically: async (specifier) => evaluated(await load(specifier, identifier)),
    });
  const wrapped = (url: string): vm.Module => {
    const exported = requireInto(context, fileURLToPath(url));
    return new vm.SyntheticModule(
      ['default'],
      function (this: vm.SyntheticModule) {
        this.setExport('default', exported);
      },
      { context, identifier: url },
    );
  };
  const evaluated = async (module: vm.Module): Promise<vm.Module> => {
    if (module.status === 'unlinked')
      await module.link((specifier, { identifier }) => load(specifier, identifier));
    if (module.status === 'linked') await module.evaluate();
    return module;
  };
  return {
    async run(source) {
      const module = await evaluated(fromSource(source, import.meta.url));
      return (module.namespace as { readonly default?: unknown }).default;
    },
  };
}

/** By the nearest package.json, as Node decides it. */
function isCommonJs(path: string): boolean {
  if (path.endsWith('.mjs')) return false;
  if (path.endsWith('.cjs')) return true;
  for (let folder = dirname(path); folder !== sep; folder = dirname(folder)) {
    try {
      const text = readFileSync(join(folder, 'package.json'), 'utf8');
      return (JSON.parse(text) as { readonly type?: string }).type !== 'module';
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return true;
}

/** A CommonJS module and what it requires by relative path; nothing else. */
function requireInto(context: vm.Context, path: string, cache = new Map<string, unknown>()): unknown {
  const before = cache.get(path);
  if (before !== undefined) return before;
  const module = { exports: {} };
  cache.set(path, module.exports);
  const { resolve } = createRequire(pathToFileURL(path));
  const require = (specifier: string): unknown => {
    if (specifier.startsWith('.')) return requireInto(context, resolve(specifier), cache);
    throw new Error(`A browser has no ${specifier}, which ${path} requires.`);
  };
  const parameters = ['exports', 'require', 'module'];
  const body = vm.compileFunction(readFileSync(path, 'utf8'), parameters, {
    parsingContext: context,
    filename: path,
  });
  (body as (exports: object, require: unknown, module: object) => void)(module.exports, require, module);
  cache.set(path, module.exports);
  return module.exports;
}
