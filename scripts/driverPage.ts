/** The page from which a person takes over in a training, at the command that trains or plays episodes for one. */
import { Option } from 'commander';
import type { DriverSeat } from '../src/drive/driverSeat.js';
import type { PageServer } from '../src/serve/server.js';
import type { TakeOver } from '../src/training/environmentExperience.js';
import type { Progress } from '../src/training/trainingRun.js';
import { note } from './console.js';
import { wholeNumber } from './settings.js';

/** Another than that of `rlpd serve`, which may run beside it. */
const PORT = 8018;

export function driveOption(): Option {
  return new Option(
    '--drive [port]',
    'serve a page, on this port (0: any that is free), on which a person can look on and take over, as an intervention',
  )
    .preset(String(PORT))
    .argParser(wholeNumber(0, 65535));
}

export class DriverPage {
  readonly #port: number;
  readonly #folders: readonly string[];
  readonly #controlHz: number | undefined;
  #server: PageServer | undefined;
  #seat: DriverSeat | undefined;

  /** @param folders whose runs and datasets are on the page, too; the first is what is driven for */
  constructor(port: number, folders: readonly string[], controlHz?: number) {
    this.#port = port;
    this.#folders = folders;
    this.#controlHz = controlHz;
  }

  /** Where it is; undefined until it is open. */
  get url(): string | undefined {
    return this.#server?.url;
  }

  /** Opens the page. @throws InputError where the port cannot be had */
  readonly takeOver: TakeOver = async (environment, task) => {
    const { DrivenEnvironment } = await import('../src/drive/drivenEnvironment.js');
    const { DriverSeat, seatFacts } = await import('../src/drive/driverSeat.js');
    const { servePage } = await import('../src/serve/server.js');
    const { idOf } = await import('../src/serve/shelf.js');
    const [folder] = this.#folders;
    const facts = seatFacts(environment, folder === undefined ? null : idOf(folder), this.#controlHz);
    const seat = new DriverSeat(facts, 'training');
    this.#seat = seat;
    this.#server = await servePage({ folders: this.#folders, port: this.#port, seat });
    note(`Drive at ${this.#server.url}#/drive`);
    return new DrivenEnvironment(environment, { seat, task, hasPolicy: true });
  };

  /** Says on the page why nothing moves. */
  follow({ phase }: Progress): void {
    const words = phase === 'evaluating' ? 'The run evaluates its policy: it goes on when that is done.' : '';
    if (this.#seat !== undefined && this.#seat.standing.note !== words) this.#seat.stand({ note: words });
  }

  async close(): Promise<void> {
    await this.#server?.close();
  }
}
