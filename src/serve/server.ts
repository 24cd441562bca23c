/**
 * The server behind `rlpd serve`: the page, and what it asks for. It writes nothing but labels and new datasets beside
 * those that are there, where a person asks for it.
 */
import { readFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createAdaptorServer, type ServerType, type WebSocketServerLike } from '@hono/node-server';
import { serveStatic } from '@hono/node-server/serve-static';
import { type Context, Hono } from 'hono';
import { HTTPException } from 'hono/http-exception';
import { secureHeaders } from 'hono/secure-headers';
import { WebSocketServer } from 'ws';
import type * as z from 'zod/mini';
import type { Dataset } from '../../datasets/reader.js';
import type { DriverSeat } from '../drive/driverSeat.js';
import { InputError } from '../errors.js';
import { curveAxes } from '../study/learningCurves.js';
import { runPaths } from '../training/runFolder.js';
import { createToken, isLoopback, loopbackOnly, withToken } from './access.js';
import { countInterventions, describe, episodeValues } from './datasetAnswers.js';
import { addDrive, LONGEST_ORDER } from './driveSocket.js';
import { curveEvents, overviewEvents } from './events.js';
import { labelsOf, setLabel, writeSelection } from './labelAnswers.js';
import { Library } from './overview.js';
import { editRequestSchema, filmTypes, labelRequestSchema } from './protocol.js';
import { detailsOf, filmedEvaluations, filmsIn, GrowingRun } from './runAnswers.js';
import { datasetFolder } from './shelf.js';
import { reportFigure, reportPage } from './studyReport.js';

/** Laid there by scripts/bundlePage.mjs. From dist/src/serve. */
const pageFolder = fileURLToPath(new URL('../../page/', import.meta.url));

export interface ServeOptions {
  readonly folders: readonly string[];
  /** Address to listen on. Default 127.0.0.1; any that is not the machine's own asks for a token. */
  readonly host?: string;
  /** 0: any that is free. */
  readonly port: number;
  /** What can be driven from the page. */
  readonly seat?: DriverSeat | undefined;
}

export interface PageServer {
  /** Where the page is, with the token where one is asked for. */
  readonly url: string;
  close(): Promise<void>;
}

/** @throws InputError where a folder is not there, or the address cannot be had */
export async function servePage({
  folders,
  host = '127.0.0.1',
  port,
  seat,
}: ServeOptions): Promise<PageServer> {
  const library = new Library(folders);
  // Whoever opens the page then waits for what has changed since alone.
  await library.overview();
  const token = isLoopback(host) ? undefined : createToken();
  const app = createApp(library, token, seat);
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LONGEST_ORDER });
  // It is what the adaptor asks for, but for types of another strictness.
  const websocket = { server: sockets as unknown as WebSocketServerLike };
  const server = createAdaptorServer({ fetch: app.fetch, websocket });
  await listen(server, host, port);
  const { port: bound } = server.address() as AddressInfo;
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${bound}/${token === undefined ? '' : `?token=${token}`}`,
    close: () =>
      new Promise((resolve) => {
        for (const socket of sockets.clients) socket.terminate();
        server.close(() => resolve());
        if ('closeAllConnections' in server) server.closeAllConnections();
      }),
  };
}

function listen(server: ServerType, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new InputError(`Port ${port} is taken: give another with --port, or 0 for any that is free.`)
          : new InputError(`${host} cannot be listened on (${error.message}): give another --host.`, {
              cause: error,
            }),
      ),
    );
    server.listen(port, host, resolve);
  });
}

function createApp(library: Library, token: string | undefined, seat: DriverSeat | undefined): Hono {
  const app = new Hono();
  app.use(
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'none'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'"],
        fontSrc: ["'self'"],
        imgSrc: ["'self'"],
        mediaSrc: ["'self'"],
        connectSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
      // It has no meaning without TLS.
      strictTransportSecurity: false,
    }),
  );
  app.use(token === undefined ? loopbackOnly : withToken(token));
  app.use(async (context, next) => {
    const { method, path } = context.req;
    if (method !== 'GET' && !writes.includes(`${method} ${path}`))
      return context.text('Only GET is answered.', 405);
    context.header('cache-control', 'no-store');
    return next();
  });
  app.onError((error, context) => {
    if (error instanceof HTTPException) return error.getResponse();
    return context.text(error.message, error instanceof InputError ? 422 : 500);
  });
  app.notFound((context) => context.text('There is no such page.', 404));

  app.get('/api/overview', (context) =>
    overviewEvents(context, async () => ({ ...(await library.overview()), drives: seat !== undefined })),
  );
  addRuns(app, library);
  addDatasets(app, library);
  addReports(app, library);
  addLabels(app, library);
  if (seat !== undefined) addDrive(app, seat);
  app.use(serveStatic({ root: pageFolder }));
  return app;
}

function addRuns(app: Hono, library: Library): void {
  app.get('/api/run', async (context) => {
    const { id, folder } = await namedRun(context, library);
    return context.json(await detailsOf(id, folder, await library.shelf()));
  });
  app.get('/api/curves', async (context) => {
    const { runs } = await library.shelf();
    const ids = context.req.queries('run') ?? [];
    const chosen = new Map(
      ids.map((id) => [id, runs.get(id)?.path ?? notFound(`There is no run ${id} here.`)]),
    );
    const axis = curveAxes.find((name) => name === context.req.query('x')) ?? curveAxes[0];
    return curveEvents(context, chosen, axis, context.req.query('each') === '1');
  });
  app.get('/api/evaluations', async (context) => {
    const { folder } = await namedRun(context, library);
    const films = await library.datasets.get(runPaths(folder).films);
    return context.json(filmedEvaluations(await new GrowingRun(folder).read(), films));
  });
  app.get('/api/film', async (context) => {
    const { folder } = await namedRun(context, library);
    const film = (await filmsIn(folder)).find((path) => path === context.req.query('file'));
    if (film === undefined) return context.notFound();
    context.header('content-type', filmTypes[extname(film).toLowerCase()]);
    return context.body(new Uint8Array(await readFile(join(folder, film))));
  });
}

function addDatasets(app: Hono, library: Library): void {
  app.get('/api/dataset', async (context) => {
    const { id, dataset } = await namedDataset(context, library);
    return context.json(describe(id, dataset));
  });
  app.get('/api/interventions', async (context) => {
    const { dataset } = await namedDataset(context, library);
    return context.json(await countInterventions(dataset));
  });
  app.get('/api/episode', async (context) => {
    const { dataset } = await namedDataset(context, library);
    return context.json(await episodeValues(dataset, episodeNumber(context, dataset)));
  });
  // All frames of one image, [T+1, H, W, C] uint8.
  app.get('/api/frames', async (context) => {
    const { dataset } = await namedDataset(context, library);
    const number = episodeNumber(context, dataset);
    const image = dataset.manifest.images.find(({ name }) => name === context.req.query('image'));
    if (image === undefined) return context.text('There is no such image.', 404);
    const { images } = await dataset.episode(number, { images: [image.name] });
    context.header('content-type', 'application/octet-stream');
    return context.body(new Uint8Array(images[image.name] ?? []));
  });
}

function addReports(app: Hono, library: Library): void {
  app.get('/studies/:name/', async (context) => {
    const name = context.req.param('name');
    const folder = (await library.shelf()).studies.get(name);
    return folder === undefined ? context.notFound() : context.html(await reportPage(name, folder));
  });
  app.get('/studies/:name/:file', async (context) => {
    const { name, file } = context.req.param();
    const folder = (await library.shelf()).studies.get(name);
    if (folder === undefined) return context.notFound();
    const figure = await reportFigure(folder, file);
    if (figure === undefined) return context.notFound();
    context.header('content-type', figure.type);
    return context.body(new Uint8Array(figure.bytes));
  });
}

/** All that changes something. */
const writes = ['PUT /api/label', 'POST /api/edit'];

function addLabels(app: Hono, library: Library): void {
  app.get('/api/labels', async (context) => {
    const { dataset } = await namedDataset(context, library);
    return context.json(await labelsOf(dataset));
  });
  app.put('/api/label', async (context) => {
    const { dataset: id, episode, label } = await sent(context, labelRequestSchema);
    await setLabel(await datasetOf(id, library), episode, label);
    return context.json({});
  });
  app.post('/api/edit', async (context) => {
    const request = await sent(context, editRequestSchema);
    const answer = await writeSelection(await datasetOf(request.dataset, library), request);
    library.lookAgain();
    return context.json(answer);
  });
}

/**
 * What was sent, as JSON that says so: from a page elsewhere a browser sends that only after it has asked whether it may,
 * which is never answered.
 */
async function sent<T>(context: Context, schema: z.ZodMiniType<T>): Promise<T> {
  if (!/^application\/json\b/.test(context.req.header('content-type') ?? ''))
    throw new HTTPException(415, { message: 'JSON was expected.' });
  const parsed = schema.safeParse(await context.req.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new HTTPException(400, {
    message: `It is not as expected: ${issue?.path.join('.')}: ${issue?.message}.`,
  });
}

async function namedRun(context: Context, library: Library): Promise<{ id: string; folder: string }> {
  const id = context.req.query('run') ?? '';
  const folder = (await library.shelf()).runs.get(id)?.path ?? notFound(`There is no run ${id} here.`);
  return { id, folder };
}

async function namedDataset(context: Context, library: Library): Promise<{ id: string; dataset: Dataset }> {
  const id = context.req.query('dataset') ?? '';
  return { id, dataset: await datasetOf(id, library) };
}

async function datasetOf(id: string, library: Library): Promise<Dataset> {
  const folder = datasetFolder(await library.shelf(), id) ?? notFound(`There is no dataset ${id} here.`);
  return library.datasets.get(folder);
}

function episodeNumber(context: Context, dataset: Dataset): number {
  const text = context.req.query('episode') ?? '';
  const isThere = /^\d{1,9}$/.test(text) && Number(text) < dataset.length;
  return isThere ? Number(text) : notFound(`There is no episode ${text} here.`);
}

function notFound(message: string): never {
  throw new HTTPException(404, { message });
}
