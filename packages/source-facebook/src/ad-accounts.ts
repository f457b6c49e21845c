import { EtlError, type OperationOptions } from '@etl/core';
import { z } from 'zod';
import type { GraphClient } from './graph-client.ts';

const accountSchema = z.object({
  account_id: z.string(),
  name: z.string().optional(),
  currency: z.string(),
  timezone_name: z.string(),
});

export interface AdAccount {
  readonly id: string;
  /** ISO 4217. */
  readonly currency: string;
  /** IANA name: the days of its reports begin at its midnight. */
  readonly timeZone: string;
}

/** What the accounts of a source are, each asked for once. */
export class AdAccounts {
  readonly #graph: GraphClient;
  readonly #known = new Map<string, Promise<AdAccount>>();

  constructor(graph: GraphClient) {
    this.#graph = graph;
  }

  get(id: string, call: OperationOptions): Promise<AdAccount> {
    const known = this.#known.get(id) ?? this.#ask(id, call);
    this.#known.set(id, known);
    // A failure is not kept: the next one who asks may be luckier.
    known.catch(() => this.#known.delete(id));
    return known;
  }

  async #ask(id: string, call: OperationOptions): Promise<AdAccount> {
    const answer = await this.#graph.get(`act_${id}`, { fields: 'account_id,name,currency,timezone_name' }, id, call);
    const account = accountSchema.safeParse(answer);
    if (account.success) return { id, currency: account.data.currency, timeZone: account.data.timezone_name };
    throw new EtlError({
      code: 'FACEBOOK_ANSWER_UNEXPECTED',
      kind: 'data',
      message: `Facebook described the ad account ${id} without currency or time zone.`,
      hint: 'Check that the token may read the account.',
    });
  }
}
