/**
 * A model and all that it names (models that it includes or attaches, meshes, textures, height fields, skins), brought
 * into MuJoCo's file system under the paths that they have on the disk, so that whatever leads from one to another there
 * does so here, `..` included. What is missing is left to MuJoCo to say.
 */
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The part of Emscripten's file system that is needed. */
export interface VirtualFiles {
  mkdirTree(path: string, mode: number): void;
  writeFile(path: string, data: string | Uint8Array): void;
}

/** Elements that name files, and the compiler's attribute for the folder they lie in. */
const assets: Readonly<Record<string, string>> = {
  mesh: 'meshdir',
  hfield: 'meshdir',
  skin: 'meshdir',
  flexcomp: 'meshdir',
  texture: 'texturedir',
};
/** A texture's six sides have a file each. */
const FILES = /\bfile(?:right|left|up|down|front|back)?\s*=\s*(?:"([^"]*)"|'([^']*)')/g;

/** As people know it. */
export function modelName(file: URL): string {
  return file.protocol === 'file:' ? fileURLToPath(file) : file.href;
}

/**
 * @param folder in MuJoCo's file system
 * @returns the model's path there
 */
export function bringModel(files: VirtualFiles, file: URL, folder: string): string {
  const main = fileURLToPath(file);
  const known = new Set<string>();
  const write = (path: string, data: string | Uint8Array): void => {
    const there = virtualPath(folder, path);
    files.mkdirTree(dirname(there), 0o777);
    files.writeFile(there, data);
  };
  const models: { path: string; xml: string }[] = [];
  const addModel = (path: string): void => {
    if (known.has(path)) return;
    known.add(path);
    const xml = readFileSync(path, 'utf8');
    write(path, xml);
    const plain = xml.replace(/<!--[\s\S]*?-->/g, '');
    models.push({ path, xml: plain });
    // MuJoCo looks beside the first model, then beside the one that includes; one that is attached stands by itself.
    for (const [, kind, attributes = ''] of plain.matchAll(/<(include|model)\s([^>]*)>/g))
      for (const name of filesIn(attributes))
        for (const found of placesOf(name, kind === 'include' ? [main, path] : [path])) addModel(found);
  };
  addModel(main);
  const folders = (attribute: string): string[] =>
    models.flatMap(({ xml }) =>
      [attribute, 'assetdir'].flatMap((name) => {
        const found = new RegExp(`<compiler\\s[^>]*\\b${name}\\s*=\\s*(?:"([^"]*)"|'([^']*)')`).exec(xml);
        return found === null ? [] : [found[1] ?? found[2] ?? ''];
      }),
    );
  for (const { path, xml } of models)
    for (const [, kind = '', attributes = ''] of xml.matchAll(
      /<(mesh|hfield|skin|flexcomp|texture)\s([^>]*)>/g,
    ))
      for (const name of filesIn(attributes))
        for (const inner of [...folders(assets[kind] ?? ''), ''])
          for (const found of placesOf(join(inner, name), [main, path])) {
            if (known.has(found)) continue;
            known.add(found);
            write(found, readFileSync(found));
          }
  return virtualPath(folder, main);
}

function virtualPath(folder: string, path: string): string {
  return `${folder}/${path.replaceAll('\\', '/').replace(/^\/+/, '').replace(':', '')}`;
}

function filesIn(attributes: string): string[] {
  return [...attributes.matchAll(FILES)].map(([, double, single]) => double ?? single ?? '');
}

/** Where a file of that name lies, seen from these models. */
function placesOf(name: string, models: readonly string[]): string[] {
  const places = models.map((model) => (isAbsolute(name) ? name : join(dirname(model), name)));
  return [...new Set(places)].filter((path) => existsSync(path) && statSync(path).isFile());
}
