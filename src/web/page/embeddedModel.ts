/**
 * In a page, what envs/modelFiles.ts is elsewhere: the model and all that it names, out of the page itself. The
 * bundle has this module in that one's place (writePage.ts).
 */
import type { VirtualFiles } from '../../../envs/modelFiles.js';

/** By path. */
let embedded: Readonly<Record<string, Uint8Array>> = {};
let main = '';

/** @param model path of the model among the files */
export function embedModel(files: Readonly<Record<string, Uint8Array>>, model: string): void {
  embedded = files;
  main = model;
}

export function modelName(): string {
  return main;
}

/** @returns the model's path in MuJoCo's file system */
export function bringModel(files: VirtualFiles, _file: URL, folder: string): string {
  for (const [path, data] of Object.entries(embedded)) {
    const there = `${folder}/${path}`;
    files.mkdirTree(there.slice(0, there.lastIndexOf('/')), 0o777);
    files.writeFile(there, data);
  }
  return `${folder}/${main}`;
}
