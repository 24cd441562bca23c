/**
 * A policy as an ONNX graph: images as they are (uint8, `[B, H, W, C·K]`) and the state in, the policy's mode out, in the
 * environment's own units. Scaling, layout and the action's box are inside; what a program has to do around it (which
 * cameras, how frames are stacked, how long an action lasts) is in the file's metadata.
 */
import type { EnvironmentSpec, ImageSpace, ObservationSpace } from '../../envs/environment.js';
import { minimumShares } from '../agent/minimumShares.js';
import { type PolicyFile, policySpace } from '../training/policyFile.js';
import { OnnxGraph, type WeightTensor } from './graph.js';
import { type ObservationValues, PolicyNetwork } from './policyNetwork.js';
import { actionOutput, normalizedOutput, stateInput } from './valueNames.js';

export interface PolicyEnvironment {
  readonly observationSpace: ObservationSpace;
  readonly spec: EnvironmentSpec;
}

/**
 * @param environment the one that the policy acts in, or one that shows the same
 * @throws InputError where the policy's file lacks weights, or its encoder is not known
 */
export function exportPolicy(policy: PolicyFile, environment: PolicyEnvironment): Uint8Array {
  const { config } = policy;
  const { images, state } = policySpace(policy, environment.observationSpace);
  const { actionSize, actionBox } = environment.spec;
  const graph = new OnnxGraph();
  const hasState = state !== undefined;
  const observed: ObservationValues = {
    images: images.map((space) => ({ space, scaled: scaledImage(graph, space) })),
    state: hasState ? graph.input(stateInput, 'float', [environment.spec.stateSize]) : undefined,
  };
  const normalized =
    config.algorithm === 'ibrl'
      ? chosenProposal(graph, policy, observed, actionSize)
      : modeOf(graph, policy, policyGroups(policy), observed, actionSize);
  graph.output(normalizedOutput, normalized, [actionSize]);
  graph.output(actionOutput, inUnits(graph, normalized, actionBox), [actionSize]);
  const describe = ({ name, height, width, channels, frameStack }: ImageSpace) => ({
    name,
    height,
    width,
    channels,
    frameStack,
  });
  return graph.encode(
    `${config.algorithm} policy of ${config.task}`,
    `Trained for ${policy.envFrames} env frames. Inputs: images as uint8 [batch, height, width, channels × frames], rows from the top, frames side by side along the channels, the oldest first.`,
    {
      'rlpd-pixels': JSON.stringify({
        version: 1,
        task: config.task,
        images: images.map(describe),
        stateSize: hasState ? environment.spec.stateSize : 0,
        actionSize,
        actionBox,
        actionRepeat: config.actionRepeat,
        controlTimestep: environment.spec.controlTimestep,
        envFrames: policy.envFrames,
      }),
    },
  );
}

function scaledImage(graph: OnnxGraph, { name, height, width, channels, frameStack }: ImageSpace): string {
  const bytes = graph.input(name, 'uint8', [height, width, channels * frameStack]);
  return graph.apply('Mul', [graph.apply('Cast', [bytes], { to: 1 }), graph.scalar(1 / 255)]);
}

/** Those whose weights the file has: an actor, and the critic whose encoders it reads; or a policy with its own. */
function policyGroups({ tensors }: PolicyFile): string[] {
  return [...new Set([...tensors.keys()].map((key) => key.slice(0, key.indexOf('/'))))];
}

/** `[B, A]` in [−1, 1]. */
function modeOf(
  graph: OnnxGraph,
  policy: PolicyFile,
  groups: readonly string[],
  observed: ObservationValues,
  actionSize: number,
): string {
  const network = new PolicyNetwork(graph, policy, groups);
  return network.head(network.representation(observed), actionSize);
}

/** IBRL: of the actor's mode and the cloned policy's the one that the target critic values more (ibrlLearner.ts). */
function chosenProposal(
  graph: OnnxGraph,
  policy: PolicyFile,
  observed: ObservationValues,
  actionSize: number,
): string {
  const own = modeOf(graph, policy, ['actor', 'critic'], observed, actionSize);
  const cloned = modeOf(graph, policy, ['clonedPolicy'], observed, actionSize);
  const critic = new PolicyNetwork(graph, policy, ['targetCritic']);
  const representation = critic.representation(observed);
  const { ensembleSize, targetSubset } = policy.config;
  const shares = graph.weight('minimum_shares', {
    shape: [ensembleSize, 1],
    data: Float32Array.from(minimumShares(ensembleSize, targetSubset)),
  });
  const value = (action: string): string => {
    const values = critic.values(representation, action);
    const order = { axis: 0, largest: 0 };
    // With their places, which nobody asks for.
    const sorted = graph.apply('TopK', [values, graph.integers([ensembleSize])], order, 2);
    return graph.apply('ReduceSum', [graph.apply('Mul', [sorted, shares]), graph.integers([0])], {
      keepdims: 0,
    });
  };
  // The soft form's likelier action is the same one.
  const isBetter = graph.apply('Greater', [value(cloned), value(own)]);
  return graph.apply('Where', [graph.apply('Unsqueeze', [isBetter, graph.integers([1])]), cloned, own]);
}

/** low + (a + 1)/2·(high − low), dimension by dimension; as it is where the box is not known. */
function inUnits(graph: OnnxGraph, normalized: string, box: EnvironmentSpec['actionBox']): string {
  if (box === null) return normalized;
  const size = box.low.length;
  const each = (value: (low: number, high: number) => number): WeightTensor => ({
    shape: [size],
    data: Float32Array.from(box.low, (low, i) => value(low, box.high[i] as number)),
  });
  const half = graph.weight(
    'action_half_width',
    each((low, high) => (high - low) / 2),
  );
  const middle = graph.weight(
    'action_middle',
    each((low, high) => (high + low) / 2),
  );
  return graph.apply('Add', [graph.apply('Mul', [normalized, half]), middle]);
}
