/** The agreement of the backends for the native engine by the code that GPUs take, its frames kept as a GPU keeps them. */
process.env.RLPD_TEST_DEVICE = 'portable';
process.env.RLPD_TEST_REPLAY_DEVICE = 'cuda';
await import('./backendAgreement.test.js');
