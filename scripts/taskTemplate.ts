/**
 * What `rlpd task new` writes: a weight on a vertical rail that a motor lifts to a mark. It is small, complete and
 * learnt within minutes; envs/TASKS.md explains it.
 */

export interface TaskTemplate {
  /** JavaScript. */
  readonly module: string;
  /** MJCF. */
  readonly model: string;
  /** A section of Markdown. */
  readonly readme: string;
}

/** @param task how `--task` names it */
export function taskTemplate(name: string, task: string): TaskTemplate {
  return { module: moduleText(name), model: modelText(name), readme: readmeText(name, task) };
}

const moduleText = (
  name: string,
): string => `// Lift the weight to the mark, which is at another height in each episode.

/** The weight is there within so many metres of the mark, at rest, that is below so many metres a second. */
const tolerance = 0.03;
const rest = 0.1;

/** @type {import('rlpd-pixels').SuiteTask} */
export default {
  name: '${name}',
  model: new URL('./${name}.xml', import.meta.url),
  controlTimestep: 0.02, // seconds of an env frame, a whole multiple of the model's timestep
  maxEnvFrames: 200, // what has not ended by then is cut off
  camera: 0,
  editedFields: ['geom_pos'], // arrays of the model that initialise changes
  bind(simulation) {
    const mark = simulation.id('geom', 'mark');
    const weight = simulation.id('body', 'weight');
    const distance = () => Math.abs(simulation.geomPosition(mark, 2) - simulation.bodyPosition(weight, 2));
    const isThere = () => distance() < tolerance && Math.abs(simulation.data('qvel')[0]) < rest;
    return {
      initialise(random) {
        simulation.model('geom_pos')[3 * mark + 2] = random.uniform(0.3, 1);
      },
      observe: () => ({
        position: simulation.data('qpos'),
        velocity: simulation.data('qvel'),
        mark: [simulation.geomPosition(mark, 2)],
      }),
      // Each env frame costs something, so that it pays to come to the end.
      reward: () => -distance(),
      terminated: isThere,
      success: isThere,
    };
  },
};
`;

const modelText = (name: string): string => `<mujoco model="${name}">
  <option timestep="0.01"/>
  <worldbody>
    <light pos="0 -2 3" dir="0 2 -2"/>
    <camera name="side" pos="0 -2.2 0.7" xyaxes="1 0 0 0 0 1"/>
    <geom name="floor" type="plane" size="2 2 0.1" rgba="0.3 0.4 0.5 1"/>
    <geom name="mark" type="box" size="0.5 0.01 0.02" pos="0 0.2 0.5" rgba="0.9 0.3 0.2 1" contype="0" conaffinity="0"/>
    <body name="weight" pos="0 0 0.15" gravcomp="1">
      <joint name="rail" type="slide" axis="0 0 1" limited="true" range="0 1" damping="4"/>
      <geom type="box" size="0.15 0.1 0.1" mass="1" rgba="0.9 0.8 0.3 1"/>
    </body>
  </worldbody>
  <actuator>
    <motor name="lift" joint="rail" gear="20" ctrlrange="-1 1"/>
  </actuator>
</mujoco>
`;

const readmeText = (name: string, task: string): string => `## ${name}
A weight, balanced by another, is lifted to a mark: one action (the motor's force), three state features (height, speed, mark). An episode
ends, and has succeeded, when the weight rests there.

\`\`\`sh
rlpd tasks --task ${task} --sheet ${name}.png
rlpd train --task ${task} --preset online-only --out runs/${name}
rlpd evaluate --run runs/${name} --video ${name}.mp4
\`\`\`
`;
