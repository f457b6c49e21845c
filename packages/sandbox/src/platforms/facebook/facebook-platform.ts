import { isTransportFault, type Fault, type FaultKind } from '../../control/fault.ts';
import { jsonResponse, type SandboxRequest, type SandboxResponse } from '../../http/exchange.ts';
import { answerInstead } from '../../http/send-with-fault.ts';
import { ATTRIBUTION_WINDOWS, type AttributionWindow } from '../../world/attribution.ts';
import { isEsimFault } from '../esim/esim-fault.ts';
import type { Platform, PlatformContext } from '../platform.ts';
import { AccessTokens, type Grant, type TokenOptions, type TokenSubcode } from './access-tokens.ts';
import type { FacebookFault } from './facebook-fault.ts';
import { errorOf } from './fault-error.ts';
import { faultFits } from './fault-fit.ts';
import { parseFields } from './field-selection.ts';
import { parseBatch, writeBatch } from './graph-batch.ts';
import { findNode } from './find-node.ts';
import { parsePath, type DataLimits, type GraphCall, type GraphPath } from './graph-call.ts';
import { GraphError, traceId, unknownObject } from './graph-error.ts';
import { isInsights, writeList, writeNode } from './graph-lists.ts';
import { accountOf, type GraphNode } from './graph-node.ts';
import { parseInsightParameters } from './insight-parameters.ts';
import { createReport } from './insight-report.ts';
import type { InsightRow } from './insight-row.ts';
import { submitReport } from './insights-edge.ts';
import { ReportRuns, type ReportRunOptions } from './report-runs.ts';
import { UsageBudgets, type BudgetOptions, type BudgetSubject, type FacebookUsage } from './usage-budgets.ts';

export interface FacebookOptions {
  /** Oldest first. @default v21.0 to v25.0 */
  readonly versions?: readonly string[];
  readonly budgets?: BudgetOptions;
  readonly limits?: DataLimits;
  readonly reports?: ReportRunOptions;
  /**
   * Attribution windows that reports return when they are asked for. The platform has left out `7d_view` and
   * `28d_view` since 2026-01-12.
   * @default all six
   */
  readonly attributionWindows?: readonly AttributionWindow[];
}

const VERSIONS = ['v21.0', 'v22.0', 'v23.0', 'v24.0', 'v25.0'];
const LIMITS: Required<DataLimits> = { syncDataPoints: 60_000, reportDataPoints: 600_000, listWeight: 12_000 };

/** Facebook's Graph API with its Marketing API, for reading. */
export class FacebookPlatform implements Platform {
  /** Sees every account and never expires. */
  readonly token: string;
  readonly #context: PlatformContext;
  readonly #options: FacebookOptions;
  readonly #tokens: AccessTokens;
  readonly #budgets: UsageBudgets;
  readonly #runs: ReportRuns;
  #sequence = 0;

  constructor(context: PlatformContext, options: FacebookOptions = {}) {
    const { world } = context;
    this.#context = context;
    this.#options = options;
    this.#tokens = new AccessTokens(world.seed);
    this.#runs = new ReportRuns(world.seed, options.reports);
    this.#budgets = new UsageBudgets(
      options.budgets ?? {},
      world.accounts.length,
      (accountId) => world.ads(accountId).filter(({ effectiveStatus }) => effectiveStatus === 'ACTIVE').length,
    );
    this.token = this.issueToken({ name: 'default' });
  }

  /** In the place of `https://graph.facebook.com`; no slash at the end. */
  get baseUrl(): string {
    return this.#context.baseUrl();
  }

  issueToken(options: TokenOptions = {}): string {
    return this.#tokens.issue(options, this.#now());
  }

  /** Makes a token invalid, for the reason that the subcode stands for. */
  revokeToken(token: string, subcode: TokenSubcode = 460): void {
    this.#tokens.revoke(token, subcode);
  }

  /**
   * The rows that a report with these parameters holds at this moment, all pages of it. Parameters are those
   * of `GET act_<accountId>/insights`, as text.
   */
  insightRows(accountId: string, parameters: Readonly<Record<string, string>>): readonly InsightRow[] {
    const { world } = this.#context;
    const asked = parseInsightParameters(parameters, 'account', world.today(accountId));
    return createReport(world, { accountId }, asked, this.#windows()).rows;
  }

  usage(): FacebookUsage {
    return this.#budgets.usage(this.#now());
  }

  describe(): { baseUrl: string; token: string } {
    return { baseUrl: this.baseUrl, token: this.token };
  }

  canMeet(kind: FaultKind, request: SandboxRequest): boolean {
    return faultFits(kind, { ...request, isBatched: false });
  }

  handle(request: SandboxRequest, fault: Fault | undefined): SandboxResponse {
    if (request.parameters['batch'] !== undefined && request.method === 'POST') return this.#answerBatch(request);
    const known = fault === undefined || isTransportFault(fault) || isEsimFault(fault) ? undefined : fault;
    return this.#answer(request, known, request.headers['authorization']);
  }

  #answer(
    request: Pick<SandboxRequest, 'method' | 'path' | 'parameters'>,
    fault: FacebookFault | undefined,
    authorization?: string,
  ): SandboxResponse {
    this.#sequence += 1;
    const sequence = this.#sequence;
    const now = this.#now();
    const versions = this.#options.versions ?? VERSIONS;
    let subject: BudgetSubject = { accountId: undefined, isInsights: false };
    let version = versions.at(-1) ?? '';
    let caller: Grant | undefined;
    const headers = () => ({
      ...this.#budgets.headers(subject, now),
      'facebook-api-version': version,
      'x-fb-trace-id': traceId(sequence).slice(0, 11),
      'x-fb-request-id': traceId(sequence),
      'cache-control': 'private, no-cache, no-store, must-revalidate',
    });
    const withCaller = (response: SandboxResponse): SandboxResponse =>
      caller === undefined ? response : { ...response, caller: caller.name };
    try {
      const path = parsePath(request.path, versions);
      version = path.version;
      const parameters = withToken(request.parameters, authorization);
      caller = this.#tokens.authenticate(parameters['access_token'], now);
      const call: GraphCall = {
        world: this.#context.world,
        grant: caller,
        now,
        method: request.method,
        version,
        parameters,
        fault,
        baseUrl: this.baseUrl,
        runs: this.#runs,
        limits: { ...LIMITS, ...this.#options.limits },
        returnedWindows: this.#windows(),
        dataPoints: 0,
      };
      const node = this.#nodeOf(call, path);
      const edge = path.segments[1] ?? '';
      subject = {
        accountId: node === undefined ? undefined : accountOf(node)?.id,
        isInsights: edge === 'insights' || node?.type === 'AdReportRun',
      };
      const refusal = this.#budgets.refusal(subject, now);
      if (refusal !== undefined) throw refusal;
      if (fault?.kind === 'rate-limit') {
        this.#budgets.exhaust(fault.code ?? 80_004, subject, now, (fault.minutes ?? 5) * 60_000);
      }
      const failure = fault === undefined ? undefined : errorOf(fault);
      if (failure !== undefined) throw failure;
      const result = this.#result(call, path, node);
      const cpu = call.dataPoints / 500;
      this.#budgets.spend(subject, { calls: 1, cpu, time: cpu }, now);
      return withCaller(jsonResponse(200, result, headers()));
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      const reason = error.details.code === 190 ? 'invalid_token' : 'invalid_request';
      const challenge = `OAuth "Facebook Platform" "${reason}" "${error.message.replaceAll('"', "'")}"`;
      return withCaller(
        jsonResponse(error.status, error.body(sequence), { ...headers(), 'www-authenticate': challenge }),
      );
    }
  }

  #answerBatch({ path, parameters, headers }: SandboxRequest): SandboxResponse {
    try {
      const all = withToken(parameters, headers['authorization']);
      const { version } = parsePath(path, this.#options.versions ?? VERSIONS);
      const grant = this.#tokens.authenticate(all['access_token'], this.#now());
      const answers = parseBatch(all, version).map((request) => this.#answerBatched(request));
      return {
        ...jsonResponse(200, writeBatch(answers, all), { 'facebook-api-version': version }),
        caller: grant.name,
      };
    } catch (error) {
      if (!(error instanceof GraphError)) throw error;
      this.#sequence += 1;
      return jsonResponse(error.status, error.body(this.#sequence));
    }
  }

  #answerBatched(request: Pick<SandboxRequest, 'method' | 'path' | 'parameters'>): SandboxResponse | undefined {
    const { faults, log, world } = this.#context;
    const sequence = log.next();
    const fault = faults.take({ platform: 'facebook', ...request }, (kind) =>
      faultFits(kind, { ...request, isBatched: true }),
    );
    const known = fault === undefined || isTransportFault(fault) || isEsimFault(fault) ? undefined : fault;
    const instead =
      fault === undefined || !isTransportFault(fault) || isEsimFault(fault) ? undefined : answerInstead(fault);
    const answer =
      fault?.kind === 'batch-timeout'
        ? undefined
        : instead === undefined || instead === 'none'
          ? this.#answer(request, known)
          : instead;
    log.add({
      ...request,
      sequence,
      at: new Date(world.clock.now()).toISOString(),
      platform: 'facebook',
      isBatched: true,
      ...(answer === undefined ? {} : { status: answer.status }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
      ...(answer?.caller === undefined ? {} : { caller: answer.caller }),
    });
    return answer;
  }

  #result(call: GraphCall, { segments }: GraphPath, node: GraphNode | undefined): unknown {
    const { parameters, method } = call;
    const [id = '', edge] = segments;
    if (id === 'debug_token') return this.#tokens.describe(parameters['input_token'] ?? '', call.now);
    const ids = parameters['ids'];
    const fields = parameters['fields'] === undefined ? undefined : parseFields(parameters['fields']);
    if (id === '' && ids !== undefined) {
      const nodes = ids.split(',').map((each): [string, GraphNode] => [each, findNode(call, each)]);
      return Object.fromEntries(nodes.map(([each, found]) => [each, writeNode(call, found, fields)]));
    }
    if (node === undefined) throw unknownObject(id, method);
    if (method === 'POST' && edge !== undefined && isInsights(node, edge)) return submitReport(call, node);
    if (method !== 'GET') {
      throw new GraphError({ code: 3, message: '(#3) The sandbox imitates what reads; it changes nothing.' });
    }
    return edge === undefined ? writeNode(call, node, fields) : writeList(call, node, edge, parameters);
  }

  #nodeOf(call: GraphCall, { segments }: GraphPath): GraphNode | undefined {
    const [id] = segments;
    return id === undefined || id === 'debug_token' ? undefined : findNode(call, id);
  }

  #windows(): readonly AttributionWindow[] {
    return this.#options.attributionWindows ?? ATTRIBUTION_WINDOWS;
  }

  #now(): number {
    return this.#context.world.clock.now();
  }
}

// Clients send the token as a parameter or in a header.
function withToken(
  parameters: Readonly<Record<string, string>>,
  authorization: string | undefined,
): Record<string, string> {
  const bearer = /^(?:Bearer|OAuth) (.+)$/i.exec(authorization ?? '')?.[1];
  return parameters['access_token'] === undefined && bearer !== undefined
    ? { ...parameters, access_token: bearer }
    : { ...parameters };
}
