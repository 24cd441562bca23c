/** A field for a part of what is looked for. */

export interface SearchBoxProps {
  /** What is in it where nothing has been typed. */
  readonly hint: string;
  readonly label: string;
  readonly value: string;
  readonly onChange: (text: string) => void;
}

export function SearchBox({ hint, label, value, onChange }: SearchBoxProps) {
  return (
    <input
      type="search"
      placeholder={hint}
      aria-label={label}
      value={value}
      onInput={(event) => onChange(event.currentTarget.value)}
    />
  );
}
