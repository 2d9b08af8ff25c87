import type { GatewayExtension, GatewayModules } from './gateway.js';

type Extend = NonNullable<GatewayModules['extend']>;

/** Several parts of a gateway as one: all routes, and all work side by side. */
export function together(...parts: readonly Extend[]): Extend {
  return (services, modules) => {
    const extensions = parts.map((extend) => extend(services, modules));
    return {
      routes: extensions.flatMap(({ routes = [] }) => routes),
      peerRoutes: extensions.flatMap(({ peerRoutes = [] }) => peerRoutes),
      run: async (signal, log) => {
        await Promise.all(extensions.map(async ({ run }: GatewayExtension) => run?.(signal, log)));
      },
    };
  };
}
