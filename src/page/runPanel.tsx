/** The chosen runs: where they stand, their curves as they grow, in what they differ, and what their folders hold. */
import { useEffect, useMemo, useState } from 'preact/hooks';
import {
  type Curves,
  curvesSchema,
  type Evaluations,
  evaluationsSchema,
  filmTypes,
  type RunDetails,
  type RunSummary,
  runDetailsSchema,
} from '../serve/protocol.js';
import { addressOf, axisNames, datasetAddress, type RunsAddress } from './address.js';
import { settingRows } from './configDifferences.js';
import { CurveCharts } from './curveCharts.js';
import { nearestEvaluation, shownEvaluation } from './evaluationChoice.js';
import { EvaluationFilm } from './evaluationFilm.js';
import { standWords } from './runWords.js';
import { Select } from './select.js';
import { ask, listen, urlOf } from './server.js';
import { stay } from './state.js';

export interface RunPanelProps {
  readonly address: RunsAddress;
  readonly runs: readonly RunSummary[];
}

export function RunPanel({ address, runs }: RunPanelProps) {
  const { chosen, x, each } = address;
  const [curves, setCurves] = useState<Curves>();
  const [details, setDetails] = useState<readonly RunDetails[]>([]);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    const query = [
      ...chosen.map((id) => ['run', id] as const),
      ['x', x] as const,
      ['each', each ? '1' : '0'] as const,
    ];
    return listen(curvesSchema, 'curves', query, 'curves', { onValue: setCurves, onProblem: setProblem });
  }, [chosen, x, each]);
  useEffect(() => {
    Promise.all(chosen.map((id) => ask(runDetailsSchema, 'run', [['run', id]]))).then(
      setDetails,
      (error: Error) => setProblem(error.message),
    );
  }, [chosen]);
  const summaries = runs.filter(({ id }) => chosen.includes(id));
  const [only] = summaries.length === 1 ? summaries : [];
  const [detail] = details.length === 1 ? details : [];
  const evaluations = useEvaluations(chosen.length === 1 ? detail : undefined, curves, setProblem);
  const shown = shownEvaluation(evaluations, address.film);
  const choose = (episode: number | undefined): void => {
    const isLatest = episode === evaluations.at(-1)?.episode;
    if (episode !== shown?.episode) stay({ ...address, film: isLatest ? undefined : episode });
  };
  return (
    <article>
      {only !== undefined ? <RunHead run={only} /> : <h2>{chosen.length} runs together</h2>}
      {problem !== null && (
        <p role="alert" class="problem">
          {problem}
        </p>
      )}
      <Places details={details} />
      <div class="controls">
        <Select
          label="Over"
          value={x}
          options={axisNames}
          onChange={(axis) => stay({ ...address, x: axis })}
        />
        {chosen.length > 1 && (
          <label>
            <input
              type="checkbox"
              checked={each}
              onChange={(event) => stay({ ...address, each: event.currentTarget.checked })}
            />
            each run by itself
          </label>
        )}
      </div>
      {curves?.notes.map((note) => (
        <p key={note} class="keys">
          {note}
        </p>
      ))}
      {curves === undefined ? (
        <p class="keys">Reading metrics …</p>
      ) : detail?.evaluations == null || shown === undefined ? (
        <CurveCharts curves={curves} />
      ) : (
        <CurveCharts
          curves={curves}
          mark={shown[x] ?? undefined}
          onX={(at) => choose(nearestEvaluation(evaluations, x, at)?.episode)}
          beside={
            <EvaluationFilm
              dataset={detail.evaluations}
              evaluations={evaluations}
              shown={shown}
              onChoose={choose}
            />
          }
        />
      )}
      <Settings details={details} />
    </article>
  );
}

/** Of the one run that is shown, as they are made. */
function useEvaluations(
  run: RunDetails | undefined,
  curves: Curves | undefined,
  onProblem: (problem: string) => void,
): Evaluations {
  const [evaluations, setEvaluations] = useState<Evaluations>([]);
  const returns = curves?.tasks[0]?.charts.find(({ measure }) => measure === 'return');
  const latest = returns?.curves[0]?.x.at(-1);
  const isKept = run !== undefined && run.evaluations !== null;
  const id = run?.id;
  useEffect(() => {
    if (!isKept || id === undefined) return setEvaluations([]);
    ask(evaluationsSchema, 'evaluations', [['run', id]]).then(setEvaluations, (error: Error) =>
      onProblem(error.message),
    );
  }, [id, isKept, latest]);
  return evaluations;
}

function RunHead({ run }: { readonly run: RunSummary }) {
  return (
    <>
      <h2>
        {run.id} <small>{run.task}</small>
      </h2>
      <p class="stand" role="status">
        <i class={`state ${run.state}`} />
        {standWords(run)}
      </p>
      {run.reason !== null && <p class="problem">{run.reason}</p>}
    </>
  );
}

/** Where else there is something to see of the runs. */
function Places({ details }: { readonly details: readonly RunDetails[] }) {
  const studies = [...new Set(details.flatMap(({ study }) => study ?? []))];
  const replays = details.flatMap(({ id, replay }) => (replay === null ? [] : [{ id, replay }]));
  const films = details.flatMap(({ id, films: files }) => files.map((file) => ({ id, file })));
  const name = (id: string) => (details.length > 1 ? ` of ${id}` : '');
  return (
    <>
      {(replays.length > 0 || studies.length > 0) && (
        <p class="controls">
          {replays.map(({ id, replay }) => (
            <a key={id} href={addressOf(datasetAddress(replay))}>
              Episodes{name(id)}
            </a>
          ))}
          {studies.map((study) => (
            <a key={study} href={`/studies/${study}/`}>
              Report of the study {study}
            </a>
          ))}
        </p>
      )}
      <div class="films">
        {films.map(({ id, file }) => (
          <Film key={`${id} ${file}`} label={`${file}${name(id)}`} file={file} id={id} />
        ))}
      </div>
    </>
  );
}

function Film({ id, file, label }: { readonly id: string; readonly file: string; readonly label: string }) {
  const source = urlOf('film', [
    ['run', id],
    ['file', file],
  ]);
  const type = filmTypes[file.slice(file.lastIndexOf('.')).toLowerCase()] ?? '';
  return (
    <figure>
      {type.startsWith('video') ? (
        <video src={source} aria-label={label} controls loop muted />
      ) : (
        <img src={source} alt={label} />
      )}
      <figcaption>
        <small>{label}</small>
      </figcaption>
    </figure>
  );
}

/** Of one run all settings, of several those that differ. */
function Settings({ details }: { readonly details: readonly RunDetails[] }) {
  const rows = useMemo(() => settingRows(details.map(({ config }) => config)), [details]);
  const isOne = details.length === 1;
  return (
    <details open={!isOne}>
      <summary>{isOne ? 'Settings' : 'In what their settings differ'}</summary>
      <div class="scroll">
        <table>
          {!isOne && (
            <thead>
              <tr>
                <th scope="col">setting</th>
                {details.map(({ id }) => (
                  <th key={id} scope="col">
                    {id}
                  </th>
                ))}
              </tr>
            </thead>
          )}
          <tbody>
            {rows.map(({ setting, values }) => (
              <tr key={setting}>
                <th scope="row">{setting}</th>
                {values.map((value, place) => (
                  <td key={details[place]?.id}>{value ?? '–'}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </details>
  );
}
