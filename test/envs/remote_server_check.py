"""Holds envs/remote/server.py against environments made here; run by hand, since no test needs Python:

    python test/envs/remote_server_check.py            # needs gymnasium, msgpack
"""
import random
import sys
import types
from pathlib import Path

import gymnasium
import numpy as np
from gymnasium.spaces import Box, Dict, Discrete, Text

sys.path.insert(0, str(Path(__file__).parents[2] / "envs/remote"))
import server  # noqa: E402

UNIT = Box(-1, 1, (2,), np.float32)


class Toy(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    render_mode = None

    def __init__(self, space, see, action=UNIT, info=None, raises_after=None, render=None, **attributes):
        self.observation_space, self.action_space, self.see = space, action, see
        self.info, self.raises_after, self.shown, self.steps, self.actions = info or {}, raises_after, render, 0, []
        self.render_mode = "rgb_array" if render is not None else None
        for name, value in attributes.items():
            setattr(self, name, value)

    def reset(self, *, seed=None, options=None):
        self.steps = 0
        return self.see(self), {}

    def step(self, action):
        if self.steps == self.raises_after:
            raise ValueError("You must reset the env manually once truncate==True")
        self.steps += 1
        self.actions.append(action)
        return self.see(self), 1.0, False, False, dict(self.info)

    def render(self):
        return self.shown


def serve(*toy, flags=(), option=(), **changes):
    """A `Served` of one toy; `toy` and `changes` are Toy's arguments."""
    gymnasium.registry.pop("Toy-v0", None)
    gymnasium.register("Toy-v0", lambda **_: Toy(*toy, **changes), disable_env_checker=True)
    options = dict(env="Toy-v0", option=list(option), name=None, render=False, pixels=None, state=None, flips={},
                   action_range=[], timestep=None, max_steps=None, instruction=None)
    return server.Served(types.SimpleNamespace(**{**options, **dict(flags)}))


def picture(served, key=""):
    facts = served.facts()
    data = served.observe(served.reset(1)[0])["images"][key]
    shape = next(image["shape"] for image in facts["images"] if image["key"] == key)
    return np.frombuffer(data, np.uint8).reshape(shape)


def fails(words, *toy, **changes):
    try:
        serve(*toy, **changes).facts()
    except server.Refusal as refusal:
        assert all(word in str(refusal) for word in words), f"{words} not in: {refusal}"
        return
    raise AssertionError(f"not refused: {words}")


def box(shape, dtype=np.uint8, low=0, high=255):
    return Box(low, high, shape, dtype)


rng = np.random.default_rng(0)
hwc = rng.integers(0, 256, (16, 12, 3)).astype(np.uint8)

# Every arrangement of a picture comes out as uint8 [H, W, C].
for space, value, expected in [
    (box(hwc.shape), hwc, hwc),
    (box((3, 16, 12)), np.moveaxis(hwc, 2, 0), hwc),
    (box((16, 12)), hwc[..., 0], hwc[..., :1]),
    (box((1, 16, 12)), hwc[None, ..., 0], hwc[..., :1]),
    (box((16, 12, 4)), np.concatenate([hwc, hwc[..., :1]], 2), hwc),
    (box(hwc.shape, np.float32, 0, 1), (hwc / 255).astype(np.float32), hwc),
    (box(hwc.shape, np.float64, 0, 255), hwc.astype(np.float64), hwc),
    (box(hwc.shape, np.float32, -np.inf, np.inf), (hwc / 255).astype(np.float32), hwc),
]:
    assert np.array_equal(picture(serve(space, lambda _, v=value: v)), expected), space

# What only looks like one is refused by shape and dtype, and never becomes a state.
for shape, dtype, low, high, words in [
    ((16, 12), np.uint16, 0, 65535, ["[16, 12]", "uint16", "--pixels", "--state"]),
    ((4, 16, 12), np.uint8, 0, 255, ["[4, 16, 12]", "uint8", "frame stacking"]),
    ((16, 12, 9), np.uint8, 0, 255, ["[16, 12, 9]", "frame stacking"]),
    ((2, 16, 12, 3), np.uint8, 0, 255, ["[2, 16, 12, 3]"]),
    ((16, 12), np.float32, -1, 1, ["float32", "-1.0 to 1.0"]),
]:
    value = np.ones(shape, dtype)
    fails(words, box(shape, dtype, low, high), lambda _, v=value: v)
fails(["float32"], box((16, 12), np.float32, -np.inf, np.inf), lambda _: np.full((16, 12), 7, np.float32))
numbers = serve(box((16, 12), np.uint16, 0, 65535), lambda _: np.ones((16, 12), np.uint16), flags={"state": [""]})
assert numbers.facts()["stateSize"] == 192 and numbers.facts()["images"] == []
drifts = serve(box(hwc.shape, np.float32, -np.inf, np.inf), lambda toy: np.full(hwc.shape, toy.steps * 2, np.float32))
drifts.facts()
try:
    drifts.answer({"op": "step", "action": np.zeros(2, "<f4").tobytes(), "repeat": 1})
    raise AssertionError("a float picture beyond its range was taken")
except server.Refusal as refusal:
    assert "holds 2.0" in str(refusal), refusal

# Nested observations have keys; pictures and state are chosen by them or by their ends; what is no box is left out.
cameras = Dict({"front": box(hwc.shape), "wrist": box(hwc.shape)})
nested = Dict({"pixels": cameras, "agent_pos": box((3,), np.float64, -9, 9), "mode": Discrete(3), "task": Text(20)})
look = lambda _: {"pixels": {"front": hwc, "wrist": hwc[::-1]}, "agent_pos": np.arange(3.0), "mode": 1, "task": "lift"}
whole = serve(nested, look)
facts = whole.facts()
assert [image["key"] for image in facts["images"]] == ["pixels/front", "pixels/wrist"], facts
assert facts["stateSize"] == 3 and facts["instruction"] == "lift" and "mode" in whole.notes[0], (facts, whole.notes)
chosen = {"pixels": ["wrist"], "flips": {"wrist": "vertical"}}
one = serve(nested, look, flags=chosen, option=[("env_name", "drawer"), ("width", 9)])
assert np.array_equal(picture(one, "pixels/wrist"), hwc)
assert one.facts()["name"] == "Toy-v0(env_name=drawer)", one.facts()["name"]
assert np.array_equal(picture(serve(nested, look, flags={"flips": {"": "both"}}), "pixels/front"), hwc[::-1, ::-1])
fails(["'back'", "pixels/front"], nested, look, flags={"pixels": ["back"]})
fails(["--flip", "back"], nested, look, flags={"flips": {"back": "vertical"}})

# A list of pictures is its last one.
both = serve(nested, look, render=[hwc, hwc[::-1]], flags={"render": True})
assert np.array_equal(picture(both, "render"), hwc[::-1])
assert both.answer({"op": "render"})["shape"] == [16, 12, 3]

# Actions.
state, still = box((2,), np.float32, -9, 9), lambda _: np.zeros(2, np.float32)
fails(["Discrete"], state, still, action=Discrete(4))
fails(["dimension 1", "--action-range=1="], state, still, action=Box(np.float32([-1, -np.inf]), np.float32([1, 2])))
fails(["beyond"], state, still, flags={"action_range": [(0, -2, 1)]})
racing = Box(np.float32([-1, 0, 0]), np.float32([1, 1, 1]))
car = serve(state, still, action=racing)
assert car.facts()["actionLow"] == [-1, 0, 0] and car.facts()["actionHigh"] == [1, 1, 1]
car.answer({"op": "step", "action": np.array([0, 0, -1], "<f4").tobytes(), "repeat": 2})
assert np.array_equal(car.env.unwrapped.actions[-1], np.float32([0, 0.5, 0])), car.env.unwrapped.actions
unbounded = serve(state, still, action=Box(-np.inf, np.inf, (2,), np.float32), flags={"action_range": [(None, -2, 2)]})
assert unbounded.facts()["actionHigh"] == [2, 2]

try:
    serve(state, still, flags={"env": "Nowhere-v0"})
    raise AssertionError("an environment that is not there was made")
except server.Refusal as refusal:
    assert "Nowhere-v0 cannot be made" in str(refusal) and "--import" in str(refusal), refusal

# A person who takes over: every name it goes by, and nothing said where nobody can.
step = {"op": "step", "action": np.zeros(2, "<f4").tobytes(), "repeat": 1}
for info, expected in [
    ({}, "nothing"),
    ({"is_intervention": False, "teleop_action": np.ones(2)}, None),
    ({"is_intervention": True, "teleop_action": np.float32([1, -1])}, [1, -1]),
    ({"is_intervention": np.True_, "action_intervention": np.float32([1, -1])}, [1, -1]),
    ({"intervene_action": np.float32([1, -1])}, [1, -1]),
]:
    said = serve(state, still, info=info).answer(step).get("executed", "nothing")
    assert (np.frombuffer(said, "<f4").tolist() if isinstance(said, bytes) else said) == expected, (info, said)
takes_turns = serve(state, still, action=racing, info={"intervene_action": np.float32([1, 0.5, 0])})
takes_turns.env.unwrapped.step = lambda action, step=takes_turns.env.unwrapped.step: (
    result := step(action), result[4].clear() if takes_turns.elapsed > 1 else None)[0]
both_ways = takes_turns.answer({"op": "step", "action": np.float32([-1, -1, 1]).tobytes(), "repeat": 2})
# The mean of the person's, (1, 0.5, 0), and of the one that was sent, (−1, 0, 1).
assert np.frombuffer(both_ways["executed"], "<f4").tolist() == [0, 0.25, 0.5]
try:
    serve(state, still, info={"is_intervention": True}).answer(step)
    raise AssertionError("a person's action that is not said was taken")
except server.Refusal as refusal:
    assert "teleop_action" in str(refusal), refusal
info = {"succeed": np.float64(0), "reward_ctrl": -1.0, "discrete_penalty": -0.5, "x": 3}
said = serve(state, still, info=info).answer({**step, "repeat": 3})
assert serve(state, still, info={"succeed": False, "next.success": True}).answer(step)["success"] is True
assert said["success"] is False and said["rewardTerms"] == {"reward_ctrl": -3.0, "discrete_penalty": -1.5}, said

# A time limit that is raised names the option.
limited = serve(state, still, raises_after=5)
limited.reset(0)
try:
    limited.answer({**step, "repeat": 9})
    raise AssertionError("the environment's limit was not raised")
except server.Refusal as refusal:
    assert "--max-steps 5" in str(refusal) and "truncate==True" in str(refusal), refusal
assert serve(state, still, flags={"max_steps": 5}).facts()["maxSteps"] == 5

# Control time: the simulator's clock wins, then the environment's word; a dt of the physics is told apart.
Data = type("Data", (), {"time": 0.0, "qpos": None})
data = Data()


def ticking(_):
    data.time += 0.04
    return np.zeros(2, np.float32)


assert serve(state, ticking, data=data, dt=0.002).timestep == 0.04
assert serve(state, still, dt=0.05).timestep == 0.05
assert serve(state, still, dt=0.005).timestep == 0.05, "a tenth of a frame is a step of the physics"
assert serve(state, still, dt=0.08).timestep == 0.08
assert serve(state, still, control_dt=0.1, dt=0.002).timestep == 0.1
assert serve(state, still, flags={"timestep": 0.3}, dt=0.05).timestep == 0.3

# All that is random in the process follows from a reset's seed.
chance = serve(state, lambda toy: np.float32([np.random.uniform() + random.random(), toy.np_random.uniform()]))
draw = lambda seed: chance.answer({"op": "reset", "seed": seed})["state"]
assert draw(3) == draw(3) != draw(4)

print("server.py does as it is said to.")
