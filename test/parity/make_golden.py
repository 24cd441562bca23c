"""Writes what the tests compare with: physics, rewards and pictures of the real DeepMind Control Suite.

    python3 -m venv venv && venv/bin/pip install dm_control==1.0.34 mujoco==3.3.7 numpy==2.4.6 pillow==12.0.0
    MUJOCO_GL=osmesa venv/bin/python test/parity/make_golden.py        # needs libosmesa6

mujoco 3.3.7 is the release on PyPI nearest to the 3.3.8 inside mujoco-js. Writes test/golden/envs/TASK.json; for the
first task of each domain, and others that look different, test/golden/envs/TASK.png (a strip of 64-pixel pictures, one
per recorded pose); test/golden/renderer/MODEL.png beside the models there, a picture from each of their cameras; and
test/golden/renderer/TASK-CAMERA.json and .png for further cameras of a task.
"""
import json
import os
import re
import sys

os.environ.setdefault("MUJOCO_GL", "osmesa")

import mujoco  # noqa: E402
import numpy as np  # noqa: E402
from dm_control import mujoco as dm_mujoco  # noqa: E402
from dm_control import suite  # noqa: E402
from PIL import Image  # noqa: E402

np.in1d = np.isin  # The suite's quadruped still asks for the name that NumPy 2.4 has dropped.

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "envs")

# Task -> index of the position that lifts what falls, so that for a while it touches nothing; None where the model
# cannot touch anything or has no such position.
TASKS = {
    ("acrobot", "swingup"): None,
    ("acrobot", "swingup_sparse"): None,
    ("ball_in_cup", "catch"): None,
    ("cartpole", "balance"): None,
    ("cartpole", "balance_sparse"): None,
    ("cartpole", "swingup"): None,
    ("cartpole", "swingup_sparse"): None,
    ("cheetah", "run"): 1,
    ("finger", "spin"): None,
    ("finger", "turn_easy"): None,
    ("finger", "turn_hard"): None,
    ("fish", "upright"): None,
    ("fish", "swim"): None,
    ("hopper", "stand"): 1,
    ("hopper", "hop"): 1,
    ("humanoid", "stand"): 2,
    ("humanoid", "walk"): 2,
    ("humanoid", "run"): 2,
    ("manipulator", "bring_ball"): 9,
    ("pendulum", "swingup"): None,
    ("point_mass", "easy"): None,
    ("quadruped", "walk"): 2,
    ("quadruped", "run"): 2,
    ("reacher", "easy"): None,
    ("reacher", "hard"): None,
    ("swimmer", "swimmer6"): None,
    ("walker", "stand"): 0,
    ("walker", "walk"): 0,
    ("walker", "run"): 0,
}
LIFT = 20.0
# Tasks, beside the first of each domain, whose pictures are taken.
ALSO_PICTURED = ["finger-turn_easy"]
# Models that are drawn as they stand.
MODELS_FOLDER, MODELS = os.path.join(FOLDER, "..", "renderer"), ["transparent", "near", "meshes"]
# Pictures through a further camera, beside the models: what lies before its near plane is seen through.
VIEWS = {"swimmer-swimmer6": "eyes"}
# Cameras that pictures are taken through in turn; the first one unless said otherwise.
CAMERAS = {"quadruped": [0, 2]}
MODEL_FIELDS = [
    "body_mass", "body_inertia", "body_pos", "body_quat", "body_ipos", "jnt_type", "jnt_range", "jnt_stiffness", "jnt_pos",
    "jnt_axis", "jnt_solref", "jnt_solimp", "dof_damping", "dof_armature", "dof_frictionloss", "geom_type", "geom_size",
    "geom_pos", "geom_quat", "geom_friction", "geom_contype", "geom_conaffinity", "geom_condim", "geom_solref",
    "geom_solimp", "geom_rgba", "site_type", "site_pos", "site_size", "cam_pos", "cam_quat", "cam_fovy", "cam_mode",
    "light_pos", "light_dir", "actuator_trntype", "actuator_gear", "actuator_ctrlrange", "actuator_dyntype",
    "actuator_dynprm", "actuator_gainprm", "actuator_biasprm", "eq_type", "eq_solref", "eq_solimp", "tendon_range",
    "tendon_stiffness", "tendon_damping", "wrap_type", "wrap_prm", "sensor_type",
]
# Parts of the model that a task changes from episode to episode.
EDITED_FIELDS = {
    "finger": ["site_pos", "site_size", "site_rgba", "dof_damping"],
    "fish": ["geom_pos", "geom_rgba"],
    "manipulator": ["body_pos", "body_quat"],
    "reacher": ["geom_pos", "geom_size"],
    "swimmer": ["geom_pos", "light_pos"],
}
# What our model leaves out: elements, by name, that no task observes or shows.
OMITTED = {
    "humanoid": {"site": ".*", "sensor": "(?!torso_subtreelinvel)"},
    "quadruped": {"site": "rf_|torso_touch|workspace", "sensor": "center_of_mass"},
}
# Control steps whose observation is kept; the reward is kept at each.
FREE_STEPS, FREE_KEPT = 50, [1, 2, 5, 10, 20, 35, 50]
CONTACT_STEPS = 5
ALL_KEPT = list(range(1, CONTACT_STEPS + 1))
# Smaller actions where random ones soon make the body hit itself.
ACTION_SCALE = {"humanoid": 0.1}
ATTEMPTS = 100


def main():
    only = sys.argv[1:]
    seen = set()
    for (domain, task), lift in TASKS.items():
        name = f"{domain}-{task}"
        is_first = domain not in seen
        seen.add(domain)
        if only and name not in only:
            continue
        env = suite.load(domain, task, task_kwargs={"random": 7})
        rng = np.random.RandomState(11)
        golden = {
            "versions": {"mujoco": mujoco.__version__, "dm_control": "1.0.34"},
            "control_timestep": env.control_timestep(),
            "control_steps": int(env._step_limit),
            "observation": {key: int(np.prod(spec.shape)) for key, spec in env.observation_spec().items()},
            "model": model_quantities(env.physics.model, OMITTED.get(domain, {})),
            "free": search(False, lambda: record(env, rng, lift, FREE_STEPS, FREE_KEPT, 0, ACTION_SCALE.get(domain, 1))),
            "through_contact": search(True, lambda: record(env, rng, None, CONTACT_STEPS, ALL_KEPT, rng.randint(10, 60), 1)),
        }
        if is_first or name in ALSO_PICTURED:
            golden["pictures"] = pictures(env, rng, name, CAMERAS.get(domain, [0]), os.path.join(FOLDER, f"{name}.png"))
        with open(os.path.join(FOLDER, f"{name}.json"), "w") as file:
            json.dump(golden, file, separators=(",", ":"))
            file.write("\n")
        print(name, "contacts", golden["free"]["contacts"], golden["through_contact"]["contacts"])
    for name in MODELS:
        if not only or name in only:
            draw_model(name)
    for name, camera in VIEWS.items():
        if not only or f"{name}-{camera}" in only:
            draw_view(name, camera)


def model_quantities(model, omitted):
    quantities = {}
    for name in MODEL_FIELDS:
        values, kind = np.asarray(getattr(model, name)), name.split("_")[0]
        if kind in omitted:
            values = values[[not re.match(omitted[kind], model.id2name(i, kind)) for i in range(len(values))]]
        if values.size:
            quantities[name] = [shorten(x) for x in values.ravel()]
    quantities["timestep"] = model.opt.timestep
    quantities["extent"] = model.stat.extent
    return quantities


def shorten(x):
    return float(f"{float(x):.12g}")


def start(env, qpos, qvel, fields):
    with env.physics.reset_context():
        env.physics.data.qpos[:] = qpos
        env.physics.data.qvel[:] = qvel
        for name, values in fields.items():
            getattr(env.physics.model, name).ravel()[:] = values


def edited(env, domain):
    return {name: getattr(env.physics.model, name).ravel().tolist() for name in EDITED_FIELDS.get(domain, [])}


def search(contact, make):
    """The first recording with (or without) contact; the last one where a model allows none."""
    for _ in range(ATTEMPTS):
        recording = make()
        if (recording["contacts"] > 0) == contact:
            break
    return recording


def record(env, rng, lift, steps, kept, warm_up, action_scale):
    domain = type(env.task).__module__.rsplit(".", 1)[-1]
    env.reset()
    for _ in range(warm_up):
        env.step(rng.uniform(-1, 1, env.action_spec().shape))
    qpos = env.physics.data.qpos.copy()
    qvel = env.physics.data.qvel.copy()
    if lift is not None:
        qpos[lift] += LIFT
        qvel[:] = 0
    fields = edited(env, domain)
    if domain == "manipulator" and lift is None:
        bring_target(env, fields)
    start(env, qpos, qvel, fields)
    env._reset_next_step = False
    env._step_count = 0
    actions = np.round(action_scale * rng.uniform(-1, 1, (steps,) + env.action_spec().shape), 3)
    observations, rewards, contacts = {}, [], 0
    for index, action in enumerate(actions, 1):
        time_step = env.step(action)
        contacts = max(contacts, int(env.physics.data.ncon))
        rewards.append(float(time_step.reward))
        if index in kept:
            observations[index] = flatten(time_step.observation)
    return {
        "qpos": qpos.tolist(),
        "qvel": qvel.tolist(),
        "edited": fields,
        "actions": actions.tolist(),
        "rewards": rewards,
        "observations": observations,
        "contacts": contacts,
    }


def bring_target(env, fields):
    """Puts the target a centimetre beside the ball, which random actions never bring to it: rewards are to be compared."""
    at = 3 * env.physics.model.name2id("target_ball", "body")
    x, _, z = env.physics.named.data.xpos["ball"]
    fields["body_pos"][at], fields["body_pos"][at + 2] = float(x) + 0.01, float(z)


def flatten(observation):
    return np.concatenate([np.atleast_1d(value).ravel() for value in observation.values()]).tolist()


def pictures(env, rng, name, cameras, path):
    domain = name.split("-")[0]
    poses, frames = [], []
    for _ in range(2):
        env.reset()
        for _ in range(3):
            for _ in range(15):
                env.step(rng.uniform(-1, 1, env.action_spec().shape))
            qpos = env.physics.data.qpos.copy()
            qvel = env.physics.data.qvel.copy()
            fields = edited(env, domain)
            start(env, qpos, np.zeros_like(qvel), fields)
            camera = cameras[len(poses) % len(cameras)]
            frames.append(env.physics.render(64, 64, camera_id=camera))
            poses.append({"qpos": qpos.tolist(), "edited": fields, "camera": camera})
            start(env, qpos, qvel, fields)
    Image.fromarray(np.concatenate(frames)).save(path, optimize=True)
    return poses


def draw_view(name, camera):
    env = suite.load(*name.split("-", 1), task_kwargs={"random": 7})
    path = os.path.join(MODELS_FOLDER, f"{name}-{camera}")
    poses = pictures(env, np.random.RandomState(11), name, [env.physics.model.name2id(camera, "camera")], f"{path}.png")
    with open(f"{path}.json", "w") as file:
        json.dump({"versions": {"mujoco": mujoco.__version__, "dm_control": "1.0.34"}, "pictures": poses}, file)
        file.write("\n")


def draw_model(name):
    physics = dm_mujoco.Physics.from_xml_path(os.path.join(MODELS_FOLDER, f"{name}.xml"))
    frames = [physics.render(64, 64, camera_id=camera) for camera in range(physics.model.ncam)]
    Image.fromarray(np.concatenate(frames)).save(os.path.join(MODELS_FOLDER, f"{name}.png"), optimize=True)


if __name__ == "__main__":
    main()
    sys.stdout.flush()
    os._exit(0)  # The OpenGL context cannot be freed once the interpreter shuts down.
