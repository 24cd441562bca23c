/** What a format's own file hands to the loop that all converters share. */
import type { ActionBox } from '../../envs/environment.js';
import type { CodecName } from '../codecs/registry.js';
import type { Episode } from '../episode.js';
import type { DatasetHeader, Provenance } from '../manifest.js';
import type { PackedImages } from '../record.js';
import type { Remarks } from './remarks.js';

/** A source in one format, opened. */
export interface ConversionSource {
  /** Goes into the manifest as the data's origin. */
  readonly name: string;
  /** The file or folder that it is read from. */
  readonly place: string;
  readonly header: Omit<DatasetHeader, 'provenance' | 'codec'>;
  /** What −1 and 1 are in the units of its actions, by the source's own word; null: it says nothing. */
  readonly actionBox: ActionBox | null;
  /** Whether its actions lie in [−1, 1] of the environment's box already, as a dataset's do. Default false. */
  readonly hasUnitActions?: boolean;
  /** What there is to say of all of it; grows while its episodes are read. */
  readonly remarks: Remarks;
  readonly defaultCodec: CodecName;
  /** Further facts for the manifest: the level, what was assumed. */
  readonly details: Provenance['details'];
  /** Pieces that can be read independently, in a fixed order. */
  readonly units: readonly ConversionUnit[];
  close(): Promise<void>;
}

export interface ConversionUnit {
  /** Unique; the id of its only episode, or what their ids begin with. */
  readonly name: string;
  /** @throws InputError where it cannot be read: the unit is then a problem like others. */
  read(): Promise<UnitContent>;
  /** The actions of its episode without its images, `[steps, A]`, where that is quicker. */
  actions?(): Promise<Float32Array>;
}

export interface UnitContent {
  readonly episodes: readonly SourceEpisode[];
  /** The files that were read whole for this unit. */
  readonly files: Provenance['files'];
  /** Called once, when the episodes are written: their arrays are not read any more. */
  readonly release?: () => void;
}

export interface SourceEpisode {
  readonly episode: Episode;
  /** What the format's reader found wrong, beyond the checks that every episode gets. */
  readonly problems: readonly SourceProblem[];
  /** The pixels as a codec packs them, where the source holds them so. */
  readonly packed?: PackedImages;
}

export interface SourceProblem {
  readonly kind: string;
  /** A suspicion is reported and does no harm; a fault is acted on. */
  readonly severity: 'fault' | 'suspicion';
  readonly message: string;
  /** True if the reader's own repair (which the episode already has) makes it usable; false if only leaving it out helps. */
  readonly repaired: boolean;
}
