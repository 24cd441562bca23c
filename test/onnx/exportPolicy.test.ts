import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Environment } from '../../envs/environment.js';
import { makeEnv } from '../../envs/makeEnv.js';
import { RlpdAgent } from '../../src/agent/agent.js';
import { selectBackend } from '../../src/backend/select.js';
import { comparePolicy } from '../../src/onnx/comparePolicy.js';
import { exportPolicy } from '../../src/onnx/exportPolicy.js';
import { modelProto } from '../../src/onnx/schema.js';
import { agentSettings, type RunConfig } from '../../src/training/config.js';
import { environmentOptions } from '../../src/training/environmentOptions.js';
import { type PolicyFile, policyAgent } from '../../src/training/policyFile.js';
import { smallConfig } from '../training/smallRun.js';

/** Of the actions' range of 2. */
const tolerance = 1e-4;

const ibrl: Partial<RunConfig> = {
  algorithm: 'ibrl',
  dataset: ['data'],
  pretrainUpdates: 1,
  offlineMode: 'symmetric',
  offlineShare: 0.5,
  ensembleSize: 3,
  targetSubset: 2,
};

const cases: Record<string, Partial<RunConfig>> = {
  'one image': { obs: 'pixels' },
  'a state alone': { obs: 'state' },
  'two images of different sizes and a state': {
    obs: 'both',
    task: 'walker-walk',
    cameras: ['side', 'back'],
    imageSize: 'side=40x32,back=36',
  },
  'two images through one encoder': {
    task: 'walker-walk',
    cameras: ['side', 'back'],
    sharedEncoder: true,
  },
  'a cloned policy, which has encoders of its own': {
    algorithm: 'bc',
    dataset: ['data'],
    pretrainUpdates: 1,
    offlineMode: 'symmetric',
    offlineShare: 1,
  },
  'a deterministic policy': { algorithm: 'drqv2', offlineMode: 'none', offlineShare: 0, ensembleSize: 2 },
  "an IBRL policy: the better of the actor's and the cloned action, by the critics": ibrl,
  'an IBRL policy without layer norm, of two images and a state': {
    ...ibrl,
    obs: 'both',
    task: 'walker-walk',
    cameras: ['side', 'back'],
    imageSize: 36,
    criticLayerNorm: false,
  },
  'an IQL policy': { algorithm: 'iql', ensembleSize: 2, targetSubset: 2 },
};

for (const [name, settings] of Object.entries(cases))
  test(`${name}: the ONNX file acts as the policy does`, async () => {
    const { policy, agent, environment } = await madePolicy(settings);
    const model = exportPolicy(policy, environment);
    const compared = await comparePolicy(model, agent, environment, 20, 0);
    assert.ok(compared !== null, 'onnxruntime-web is a development dependency');
    assert.ok(
      compared.largestDifference < tolerance && compared.observations === 20,
      String(compared.largestDifference),
    );
    agent.dispose();
    environment.close();
  });

test("actions come out in the environment's units, and the file says what it takes", async () => {
  const { policy, agent, environment } = await madePolicy({ obs: 'state' });
  const actionBox = { low: [-2], high: [6] };
  const boxed = { observationSpace: environment.observationSpace, spec: { ...environment.spec, actionBox } };
  const model = exportPolicy(policy, boxed);
  const runtime = await import('onnxruntime-web');
  const session = await runtime.InferenceSession.create(model);
  const { observation } = environment.reset({ seed: 3 });
  const state = observation.state ?? new Float32Array();
  const found = await session.run({ state: new runtime.Tensor('float32', state, [1, state.length]) });
  const [normalized, action] = [found.normalized_action?.data[0], found.action?.data[0]] as [number, number];
  assert.ok(Math.abs(action - (2 + 4 * normalized)) < 1e-6);
  const decoded = modelProto.toObject(modelProto.decode(model), { longs: Number });
  const said = JSON.parse(decoded.metadataProps[0].value);
  assert.deepEqual(
    [said.task, said.stateSize, said.actionBox, said.images],
    [policy.config.task, state.length, actionBox, []],
  );
  assert.deepEqual([decoded.irVersion, decoded.opsetImport[0].version], [8, 17]);
  await session.release();
  agent.dispose();
  environment.close();
});

test("an IBRL policy's file takes now the actor's action, now the cloned one, as its critics say", async () => {
  const { policy, agent, environment } = await madePolicy({ ...ibrl, obs: 'state' });
  const only = (group: string, name: string) => {
    const tensors = new Map(policy.tensors);
    const bias = tensors.get(`${group}/policy/heads/bias`) as { shape: number[]; data: Float32Array };
    // An action at the far end, so that whose it is can be seen.
    tensors.set(`${group}/policy/heads/bias`, { ...bias, data: bias.data.map(() => 4) });
    return { name, policy: { ...policy, tensors } };
  };
  const runtime = await import('onnxruntime-web');
  const taken: Record<string, number> = {};
  for (const { name, policy } of [only('actor', 'own'), only('clonedPolicy', 'cloned')]) {
    const session = await runtime.InferenceSession.create(exportPolicy(policy, environment));
    const altered = policyAgent(policy, environment, 0);
    taken[name] = 0;
    for (let i = 0; i < 20; i++) {
      const state = Float32Array.from({ length: 5 }, (_, k) => 3 * Math.sin(7 * i + 13 * k));
      const found = await session.run({ state: new runtime.Tensor('float32', state, [1, state.length]) });
      const action = Number(found.normalized_action?.data[0]);
      const [expected] = await altered.act({ images: {}, state }, 'mean');
      assert.ok(Math.abs(action - (expected as number)) < tolerance);
      if (action > 0.99) taken[name]++;
    }
    altered.dispose();
    await session.release();
  }
  assert.ok(
    Object.values(taken).some((count) => count > 0 && count < 20),
    JSON.stringify(taken),
  );
  agent.dispose();
  environment.close();
});

/** A policy of random weights, with the environment it acts in. */
async function madePolicy(
  settings: Partial<RunConfig>,
): Promise<{ policy: PolicyFile; agent: RlpdAgent; environment: Environment }> {
  await selectBackend({ backend: 'wasm' });
  const config = smallConfig(settings);
  const environment = await makeEnv(config.task, environmentOptions(config));
  const { observationSpace, spec } = environment;
  const made = RlpdAgent.create({
    config: agentSettings(config),
    observationSpace,
    actionSize: spec.actionSize,
    seed: 7,
  });
  const tensors = await made.policyTensors();
  made.dispose();
  const policy: PolicyFile = {
    config,
    envFrames: 0,
    return: null,
    tensors: new Map([...tensors].map(([name, tensor]) => [name, floats(tensor)])),
  };
  return { policy, agent: policyAgent(policy, environment, 0), environment };
}

function floats({ shape, data }: { readonly shape: readonly number[]; readonly data: ArrayLike<number> }) {
  return { shape: [...shape], data: Float32Array.from(data) };
}
