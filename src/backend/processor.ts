/** What this processor can do that matters to the engines: read from Linux; elsewhere nothing is assumed. */
import { readFileSync } from 'node:fs';

export interface Processor {
  readonly amd: boolean;
  readonly avx512: boolean;
  readonly avx512Bfloat16: boolean;
  /** Intel's tile unit with bf16. */
  readonly amxBfloat16: boolean;
}

export function processor(): Processor {
  let text: string;
  try {
    text = readFileSync('/proc/cpuinfo', 'utf8');
  } catch {
    text = '';
  }
  const flags = new Set((/^flags\s*:(.*)$/m.exec(text)?.[1] ?? '').split(' '));
  return {
    amd: /^vendor_id\s*:\s*AuthenticAMD/m.test(text),
    avx512: ['avx512f', 'avx512dq', 'avx512bw', 'avx512vl'].every((flag) => flags.has(flag)),
    avx512Bfloat16: flags.has('avx512_bf16'),
    amxBfloat16: flags.has('amx_bf16'),
  };
}

/**
 * The instructions that make bf16 products fast, if this processor has them. With AVX512-BF16 AMD's do twice as much as
 * in f32; Intel's leave such products to AMX, and where a virtual machine hides that, AVX512-BF16 is the slower way (44
 * GFLOP/s a core beside 113 in f32, Sapphire Rapids).
 */
export function fastBfloat16({ amd, amxBfloat16, avx512Bfloat16 } = processor()): string | undefined {
  return amxBfloat16 ? 'AMX' : avx512Bfloat16 && amd ? 'AVX512-BF16' : undefined;
}
