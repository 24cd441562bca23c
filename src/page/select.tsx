/** A choice of a few named values. */

export interface SelectProps<K extends string> {
  readonly label: string;
  readonly value: K;
  /** Words for each value. */
  readonly options: Readonly<Record<K, string>>;
  readonly onChange: (value: K) => void;
}

export function Select<K extends string>({ label, value, options, onChange }: SelectProps<K>) {
  const values = Object.keys(options) as K[];
  return (
    <label class="select">
      {label}
      <select
        value={value}
        onChange={(event) => {
          const chosen = values[event.currentTarget.selectedIndex];
          if (chosen !== undefined) onChange(chosen);
        }}
      >
        {values.map((key) => (
          <option key={key} value={key}>
            {options[key]}
          </option>
        ))}
      </select>
    </label>
  );
}
