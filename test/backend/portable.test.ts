/**
 * The native engine by the code that GPUs take, on this processor: kernels through ATen alone, frames gathered before
 * the recorded rest. It has to pass what the engine passes here.
 */
process.env.RLPD_TEST_DEVICE = 'portable';
await import('./kernels.test.js');
await import('./fused.test.js');
await import('./gatherFrames.test.js');
await import('./program.test.js');
await import('./nativeErrors.test.js');
