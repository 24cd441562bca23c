/** What is driven, in real time: its pictures, what the hands do, and what can be asked for. */
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { DriveCommand, SeatFacts, Standing } from '../serve/protocol.js';
import { addressOf, type DriveAddress, datasetAddress } from './address.js';
import { asksOf, reservedCodes } from './driveKeys.js';
import { DriveLink } from './driveLink.js';
import { standWords, timeWords } from './driveWords.js';
import { HeldInputs } from './heldInputs.js';
import { InputLatency } from './inputLatency.js';
import { keepMapping, readMapping } from './keptMapping.js';
import { actionOf, type Input, type Mapping, meantInput, withBinding } from './mapping.js';
import { MappingEditor, type Taught } from './mappingEditor.js';
import { stay } from './state.js';
import { countedInGroups } from './words.js';

/** Milliseconds between two signs of life while something is held. */
const SIGN_OF_LIFE = 100;

export function DriveView({ address }: { readonly address: DriveAddress }) {
  const [facts, setFacts] = useState<SeatFacts>();
  const [mapping, setMapping] = useState<Mapping>();
  const [standing, setStanding] = useState<Standing>();
  const [isDriver, setDriver] = useState(true);
  const [names, setNames] = useState<readonly string[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  const [taught, setTaught] = useState<Taught>();
  const [action, setAction] = useState<readonly number[]>([]);
  const whole = useRef<HTMLElement>(null);
  const latency = useMemo(() => new InputLatency(), []);
  const link = useRef<DriveLink>(null);
  const { camera } = address;
  const ask = (command: DriveCommand): void => link.current?.say({ kind: 'command', command });
  const asks = standing === undefined ? [] : asksOf(standing, facts?.folder != null);

  /** The input is what was to be taught. */
  const learn = (input: Input): void => {
    if (taught === undefined || mapping === undefined) return;
    setTaught(undefined);
    change(withBinding(mapping, input, taught.dimension, taught.sign));
  };
  const change = (next: Mapping): void => {
    setMapping(next);
    if (facts !== undefined) keepMapping(facts.task, next);
  };
  const onKey = (code: string): boolean => {
    if (taught !== undefined) {
      if (code === 'Escape') setTaught(undefined);
      else if (!reservedCodes.has(code)) learn({ device: 'key', code });
      return code !== 'Tab';
    }
    const asked = asks.find((one) => one.code === code);
    if (asked !== undefined) ask(asked.command);
    return asked !== undefined || mapping?.bindings.some(({ input }) => isKey(input, code)) === true;
  };
  // What runs on its own sees how things stand now.
  const isMoving = standing?.phase === 'driving' || standing?.phase === 'training';
  const now = useRef({ onKey, learn, mapping, taught, isMoving });
  now.current = { onKey, learn, mapping, taught, isMoving };
  const hands = useMemo(() => new HeldInputs((code) => now.current.onKey(code)), []);

  useEffect(() => {
    const paint = painter((name) => canvasIn(whole.current, name));
    link.current = new DriveLink({
      onFacts: (told) => {
        setFacts(told);
        setMapping(readMapping(told.task, told.actionSize));
        setAction(new Array<number>(told.actionSize).fill(0));
      },
      onStanding: (stands, drives) => {
        setStanding(stands);
        setDriver(drives);
      },
      onSeen: (input, pictures) => {
        setNames((before) => {
          const after = pictures.map(([name]) => name).sort();
          return after.join() === before.join() ? before : after;
        });
        paint(pictures, () => latency.drawn(input, performance.now()));
      },
      onProblem: setProblem,
    });
    return () => link.current?.close();
  }, [latency]);

  useEffect(() => {
    if (facts === undefined) return;
    let [input, told, toldAt] = [0, '', 0];
    let last: readonly number[] = new Array<number>(facts.actionSize).fill(0);
    const tell = (): void => {
      const { mapping: map, taught: teaching, learn: teach } = now.current;
      if (map === undefined) return;
      const held = hands.read();
      if (teaching !== undefined) {
        const meant = meantInput(held);
        if (meant !== undefined) teach(meant);
        return;
      }
      const { action: next, isHeld } = actionOf(map, held, last);
      const time = performance.now();
      const words = JSON.stringify([next, isHeld]);
      if (words === told && !(isHeld && time - toldAt > SIGN_OF_LIFE)) return;
      if (words !== told) {
        input++;
        // Before an episode begins nothing answers to it.
        if (now.current.isMoving) latency.sent(input, time);
        setAction(next);
      }
      [last, told, toldAt] = [next, words, time];
      link.current?.say({ kind: 'hold', action: next, isHeld, input });
    };
    const stopListening = hands.listen();
    // A key is told of at once; sticks are asked with every picture of the screen.
    addEventListener('keydown', tell);
    addEventListener('keyup', tell);
    let request = requestAnimationFrame(function frame() {
      tell();
      request = requestAnimationFrame(frame);
    });
    return () => {
      stopListening();
      removeEventListener('keydown', tell);
      removeEventListener('keyup', tell);
      cancelAnimationFrame(request);
    };
  }, [facts, hands, latency]);

  const large = names.find((name) => name === camera) ?? facts?.cameras[0]?.name ?? names[0];
  useEffect(() => {
    const canvas = large === undefined ? undefined : canvasIn(whole.current, large);
    if (canvas === undefined) return;
    const tell = (): void => {
      const size = Math.max(64, Math.round(canvas.clientHeight * devicePixelRatio));
      link.current?.say({ kind: 'look', camera: large ?? null, size: Math.min(4096, size) });
    };
    const watch = new ResizeObserver(tell);
    watch.observe(canvas);
    return () => watch.disconnect();
  }, [large, isDriver]);

  if (facts === undefined || standing === undefined || mapping === undefined)
    return <p class="hint">{problem ?? 'Taking the seat …'}</p>;
  const { phase, isRecorded, isDriven, note, kept } = standing;
  const small = names.filter((name) => name !== large);
  const canvasOf = (name: string) => (
    <canvas key={name} role="img" aria-label={name} data-camera={name} width={64} height={64} />
  );
  return (
    <main class="drive" ref={whole}>
      <section class="sight" aria-label="What is seen">
        {large !== undefined && (
          <div class="picture large" onPointerDown={(event) => hands.pull(event, event.currentTarget)}>
            <div>
              {canvasOf(large)}
              {phase === 'driving' && isRecorded && <span class="badge recording">● recording</span>}
              {phase === 'ended' && <span class="badge end">keep it?</span>}
              {phase === 'training' && isDriven && <span class="badge person">you drive</span>}
            </div>
          </div>
        )}
        {names.length === 0 && <p class="hint">There is no picture yet.</p>}
        <div class="others">
          {small.map((name) => (
            <button
              key={name}
              type="button"
              class="picture"
              title={`Look through ${name}`}
              onClick={() => stay({ view: 'drive', camera: name })}
            >
              {canvasOf(name)}
              <span>{name}</span>
            </button>
          ))}
        </div>
      </section>
      <section class="detail" aria-label="Driving">
        <h2>
          {facts.task} <small>{large}</small>
        </h2>
        {problem !== null && <p class="problem">{problem}</p>}
        {!isDriver && <p class="problem">Somebody else drives: you look on.</p>}
        <p role="status" class="stand">
          {standWords(standing)}
        </p>
        <div class="controls">
          {asks.map(({ command, words, key }, i) => (
            <button
              key={command}
              type="button"
              class={i === 0 ? 'primary' : ''}
              disabled={!isDriver}
              onClick={() => ask(command)}
            >
              {words} <kbd>{key}</kbd>
            </button>
          ))}
        </div>
        <p class="note">{note}</p>
        {phase === 'training' ? (
          <p>
            The policy acts. While a key, button or stick is held you do, and what you do is an intervention.
          </p>
        ) : (
          facts.folder !== null && (
            <p>
              <a href={addressOf(datasetAddress(facts.folder))}>{facts.folder}</a> has{' '}
              {countedInGroups(kept, 'episode')}.
            </p>
          )
        )}
        <p class="time">{timeWords(standing, facts, latency.figures)}</p>
        <h3>What moves what</h3>
        <MappingEditor
          facts={facts}
          mapping={mapping}
          action={action}
          taught={taught}
          onTeach={setTaught}
          onChange={change}
        />
      </section>
    </main>
  );
}

function isKey(input: Input, code: string): boolean {
  return input.device === 'key' && input.code === code;
}

function canvasIn(whole: HTMLElement | null, camera: string): HTMLCanvasElement | undefined {
  return [...(whole?.querySelectorAll('canvas') ?? [])].find(({ dataset }) => dataset.camera === camera);
}

/** Draws pictures as they come; those that are overtaken while they are decoded are left out. */
function painter(canvasOf: (camera: string) => HTMLCanvasElement | undefined) {
  let newest = 0;
  return async (
    pictures: readonly (readonly [camera: string, picture: Blob])[],
    onDrawn: () => void,
  ): Promise<void> => {
    const place = ++newest;
    const drawn = await Promise.all(pictures.map(([, picture]) => createImageBitmap(picture)));
    if (place === newest)
      for (const [i, [name]] of pictures.entries()) {
        const [canvas, image] = [canvasOf(name), drawn[i]];
        if (canvas === undefined || image === undefined) continue;
        if (canvas.width !== image.width) canvas.width = image.width;
        if (canvas.height !== image.height) canvas.height = image.height;
        canvas.getContext('2d')?.drawImage(image, 0, 0);
      }
    for (const image of drawn) image.close();
    if (place === newest) onDrawn();
  };
}
