/** The package's version, as `package.json` says. */
import { createRequire } from 'node:module';
import { z } from 'zod';

const require = createRequire(import.meta.url);

export const PACKAGE_VERSION = z
  .object({ version: z.string() })
  .parse(require('../../../package.json')).version;
