/** The bf16 products and the bf16 update of the native engine by the code that GPUs take. */
process.env.RLPD_TEST_DEVICE = 'portable';
await import('../backend/bfloat16.test.js');
await import('./bfloat16Update.test.js');
