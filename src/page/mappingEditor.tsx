/** The mapping as a table, a row for each number of the action; what moves it is taught by doing it. */
import type { SeatFacts } from '../serve/protocol.js';
import { dimensionName } from './driveWords.js';
import { type Mapping, nameOf, usualMapping, withoutInput } from './mapping.js';
import { short } from './words.js';

/** A number of the action, and the way that the next input is to move it. */
export interface Taught {
  readonly dimension: number;
  readonly sign: 1 | -1;
}

export interface MappingEditorProps {
  readonly facts: SeatFacts;
  readonly mapping: Mapping;
  /** `[A]`: what the hands do at the moment. */
  readonly action: readonly number[];
  readonly taught: Taught | undefined;
  readonly onTeach: (taught: Taught | undefined) => void;
  readonly onChange: (mapping: Mapping) => void;
}

export function MappingEditor(props: MappingEditorProps) {
  const { facts, mapping, action, taught, onTeach, onChange } = props;
  const side = (dimension: number, sign: 1 | -1) => {
    const name = dimensionName(facts, dimension);
    const isTaught = taught?.dimension === dimension && taught.sign === sign;
    return (
      <td>
        {mapping.bindings
          .filter((one) => one.dimension === dimension && one.sign === sign)
          .map(({ input }) => (
            <button
              key={nameOf(input)}
              type="button"
              class="input"
              title={`Take ${nameOf(input)} away`}
              onClick={() => onChange(withoutInput(mapping, input))}
            >
              {nameOf(input)}
            </button>
          ))}
        <button
          type="button"
          class="input add"
          aria-pressed={isTaught}
          aria-label={`Add an input: ${name} ${sign > 0 ? 'up' : 'down'}`}
          onClick={() => onTeach(isTaught ? undefined : { dimension, sign })}
        >
          {isTaught ? 'press, pull or push …' : '+'}
        </button>
      </td>
    );
  };
  return (
    <div class="mapping">
      <div class="scroll">
        <table>
          <thead>
            <tr>
              <th>moves</th>
              <th>to −1</th>
              <th>to +1</th>
              <th>stays</th>
              <th>now</th>
            </tr>
          </thead>
          <tbody>
            {action.map((value, dimension) => (
              <tr key={dimensionName(facts, dimension)}>
                <td>{dimensionName(facts, dimension)}</td>
                {side(dimension, -1)}
                {side(dimension, 1)}
                <td>
                  <input
                    type="checkbox"
                    checked={mapping.stays[dimension] ?? false}
                    aria-label={`${dimensionName(facts, dimension)} stays where it was put`}
                    onChange={({ currentTarget: { checked } }) =>
                      onChange({
                        ...mapping,
                        stays: mapping.stays.map((stay, d) => (d === dimension ? checked : stay)),
                      })
                    }
                  />
                </td>
                <td class="now">{short(value)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="controls">
        <label>
          Strength
          <input
            type="range"
            min={5}
            max={100}
            step={5}
            value={Math.round(100 * mapping.strength)}
            onInput={({ currentTarget }) =>
              onChange({ ...mapping, strength: currentTarget.valueAsNumber / 100 })
            }
          />
          {Math.round(100 * mapping.strength)}%
        </label>
        <button type="button" onClick={() => onChange(usualMapping(facts.actionSize))}>
          As usual
        </button>
      </div>
      <p class="keys">
        A click on an input takes it away, one on + waits for a key, a button, a stick, or a pull of the mouse
        on the picture; Escape ends that. A number that stays keeps what it was given when nothing moves it.
      </p>
    </div>
  );
}
