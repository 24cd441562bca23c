/** In which settings runs differ. */

export interface SettingRow {
  readonly setting: string;
  /** As JSON, run by run; undefined where a run does not have it. */
  readonly values: readonly (string | undefined)[];
}

/** Of one run, all settings; of several, those that are not the same in all. */
export function settingRows(configs: readonly Readonly<Record<string, unknown>>[]): SettingRow[] {
  const names = [...new Set(configs.flatMap((config) => Object.keys(config)))];
  const rows = names.map((setting) => ({
    setting,
    values: configs.map((config) => {
      const value = config[setting];
      return typeof value === 'string' ? value : JSON.stringify(value);
    }),
  }));
  return configs.length < 2 ? rows : rows.filter(({ values }) => new Set(values).size > 1);
}
