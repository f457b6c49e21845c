import type { IncomingMessage, ServerResponse } from 'node:http';
import { answerControl, CONTROL_PREFIX } from './control/control-api.ts';
import { isTransportFault } from './control/fault.ts';
import { FaultPlan } from './control/fault-plan.ts';
import { RequestLog } from './control/request-log.ts';
import { SandboxControl } from './control/sandbox-control.ts';
import type { SandboxRequest } from './http/exchange.ts';
import { startHttpServer } from './http/http-server.ts';
import { requestParameters } from './http/request-parameters.ts';
import { answerInstead, sendWithFault } from './http/send-with-fault.ts';
import type { EcbPlatform } from './platforms/ecb/ecb-platform.ts';
import type { EsimPlatform } from './platforms/esim/esim-platform.ts';
import type { FacebookPlatform } from './platforms/facebook/facebook-platform.ts';
import type { Platform } from './platforms/platform.ts';
import { PLATFORM_NAMES, PLATFORMS, type PlatformName, type PlatformOptions } from './platforms/registry.ts';
import { World, type WorldOptions } from './world/world.ts';

export interface SandboxOptions extends WorldOptions, PlatformOptions {
  /** @default all */
  readonly platforms?: readonly PlatformName[];
  /** Of 127.0.0.1; 0 takes a free one. @default 0 */
  readonly port?: number;
}

export interface Sandbox extends AsyncDisposable {
  /** Where the platforms and the control API are reached; no slash at the end. */
  readonly url: string;
  readonly world: World;
  readonly control: SandboxControl;
  readonly ecb: EcbPlatform;
  readonly esim: EsimPlatform;
  readonly facebook: FacebookPlatform;
}

/**
 * Starts the platforms on 127.0.0.1. Nothing outside is ever called, and nothing is written to disk.
 *
 * @throws if the port is taken.
 */
export async function startSandbox(options: SandboxOptions = {}): Promise<Sandbox> {
  const world = new World(options);
  const faults = new FaultPlan(world.seed);
  const log = new RequestLog();
  let url = '';
  const platforms = new Map<string, Platform>();
  for (const name of options.platforms ?? PLATFORM_NAMES) {
    const create = PLATFORMS[name];
    // A name may come from a command line.
    if (create === undefined) throw new RangeError(`There is no platform ${name as string}.`);
    platforms.set(name, create({ world, faults, log, baseUrl: () => `${url}/${name}` }, options));
  }
  const control = new SandboxControl({ world, faults, log, platforms });

  const answer = async (request: IncomingMessage, response: ServerResponse, body: string): Promise<void> => {
    const target = new URL(request.url ?? '/', url);
    const method = request.method ?? 'GET';
    if (target.pathname.startsWith(CONTROL_PREFIX)) {
      await sendWithFault(response, answerControl(control, method, target.pathname, body), undefined);
      return;
    }
    const [, name = ''] = target.pathname.split('/');
    const platform = platforms.get(name);
    if (platform === undefined) {
      response.writeHead(404).end(`No platform answers here. Those that do: ${[...platforms.keys()].join(', ')}\n`);
      return;
    }
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([header, value]) => [header, String(value)]),
    );
    const parameters = requestParameters(target.searchParams, body, headers['content-type'] ?? '');
    const asked: SandboxRequest = { method, path: target.pathname.slice(name.length + 1) || '/', parameters, headers };
    const entry = {
      sequence: log.next(),
      at: control.now(),
      platform: name,
      method,
      path: asked.path,
      parameters,
      isBatched: false,
    };
    const fault = faults.take({ platform: name, ...asked }, (kind) => platform.canMeet(kind, asked));
    const transport = fault !== undefined && isTransportFault(fault) ? fault : undefined;
    const met = fault === undefined ? {} : { fault: fault.kind };
    const instead = answerInstead(transport);
    if (instead === 'none') {
      log.add({ ...entry, ...met });
      response.destroy();
      return;
    }
    const given = instead ?? platform.handle(asked, transport === undefined ? fault : undefined);
    const caller = given.caller === undefined ? {} : { caller: given.caller };
    const status = transport?.kind === 'reset' ? {} : { status: given.status };
    log.add({ ...entry, ...met, ...caller, ...status });
    await sendWithFault(response, given, transport);
  };

  const started = (name: PlatformName): Platform => {
    const platform = platforms.get(name);
    if (platform === undefined) throw new Error(`The sandbox was started without the platform ${name}.`);
    return platform;
  };

  const server = await startHttpServer(options.port ?? 0, answer);
  url = server.url;
  return {
    url,
    world,
    control,
    get ecb() {
      return started('ecb') as EcbPlatform;
    },
    get esim() {
      return started('esim') as EsimPlatform;
    },
    get facebook() {
      return started('facebook') as FacebookPlatform;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
