/** The package's version, as `package.json` says. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

// It ships with this file, and is no input.
export const PACKAGE_VERSION = (require('../../../package.json') as { readonly version: string }).version;
