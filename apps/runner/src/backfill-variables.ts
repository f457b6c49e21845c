/** A variable that asks for a backfill of one platform. */
export interface BackfillVariable {
  readonly name: string;
  readonly unit: 'days' | 'months';
}

const days = (name: string): BackfillVariable => ({ name, unit: 'days' });

/** Platform to variables. A platform that is not named here has none. */
const VARIABLES: Readonly<Record<string, readonly BackfillVariable[]>> = {
  facebook: [days('FB_BACKFILL_DAYS')],
  esim_facebook: [days('ESIM_FB_BACKFILL_DAYS')],
  subscription_facebook: [days('SUB_FB_BACKFILL_DAYS')],
  google: [days('GOOGLE_BACKFILL_DAYS')],
  subscription_google: [days('SUB_GOOGLE_BACKFILL_DAYS')],
  google_analytics: [days('GA4_BACKFILL_DAYS')],
  google_play: [{ name: 'GOOGLE_PLAY_BACKFILL_MONTHS', unit: 'months' }, days('GOOGLE_PLAY_BACKFILL_DAYS')],
  app_store: [days('APPSTORE_BACKFILL_DAYS')],
};

export function backfillVariables(platform: string): readonly BackfillVariable[] {
  return Object.hasOwn(VARIABLES, platform) ? (VARIABLES[platform] ?? []) : [];
}

/** All of them, for the table of the configuration. */
export function allBackfillVariables(): readonly (BackfillVariable & { readonly platform: string })[] {
  return Object.entries(VARIABLES).flatMap(([platform, variables]) =>
    variables.map((variable) => ({ ...variable, platform })),
  );
}
