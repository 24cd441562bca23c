#!/usr/bin/env node
/** What the shell starts as `rlpd`. */
import { runProgram } from './program.js';

// Whoever reads the output may stop reading, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

const code = await runProgram(process.argv.slice(2));
if (code !== 0) process.exitCode = code;
