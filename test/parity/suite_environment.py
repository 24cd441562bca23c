"""The real suite for envs/remote/server.py: a policy from here acts there, on the suite's own pictures.

    PYTHONPATH=test/parity MUJOCO_GL=osmesa python envs/remote/server.py walker-walk \
        --import suite_environment --render --option size=64

Needs what make_golden.py does, and gymnasium and msgpack.
"""
import gymnasium
import numpy as np
from dm_control import suite
from gymnasium.spaces import Box


class SuiteEnvironment(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"]}

    def __init__(self, domain, task, size=64, camera=0, render_mode="rgb_array"):
        self.env = suite.load(domain, task)
        self.dt = self.env.control_timestep()
        self.size, self.camera, self.render_mode = size, camera, render_mode
        low, high = self.env.action_spec().minimum, self.env.action_spec().maximum
        self.action_space = Box(low.astype(np.float32), high.astype(np.float32), dtype=np.float32)
        features = sum(int(np.prod(spec.shape)) for spec in self.env.observation_spec().values())
        self.observation_space = Box(-np.inf, np.inf, (features,), np.float32)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        if seed is not None:
            self.env.task.random.seed(seed)
        return flatten(self.env.reset().observation), {}

    def step(self, action):
        step = self.env.step(action)
        # The suite's episodes end by their time limit alone, which Gymnasium's wrapper keeps as well.
        return flatten(step.observation), float(step.reward), False, step.last(), {}

    def render(self):
        return self.env.physics.render(self.size, self.size, camera_id=self.camera)


def flatten(observation):
    return np.concatenate([np.atleast_1d(part).ravel() for part in observation.values()]).astype(np.float32)


for domain, task in suite.ALL_TASKS:
    gymnasium.register(
        # As our own tasks are called, so that what is recorded here may be trained on there.
        f"{domain}-{task}",
        SuiteEnvironment,
        kwargs={"domain": domain, "task": task},
        max_episode_steps=1000,
        disable_env_checker=True,
    )
