"""Serves a Gymnasium environment to rlpd-pixels; README.md beside this file says how, and what travels.

Every connection has a process and an environment of its own. Needs: pip install gymnasium msgpack
"""
import argparse
import hmac
import importlib
import json
import math
import os
import random
import re
import socketserver

import gymnasium
import msgpack
import numpy as np
from gymnasium.spaces import Box, Dict, Text, Tuple

PROTOCOL, MAX_REQUEST_BYTES, HELLO_SECONDS = 2, 1 << 20, 10
# What render() shows is called this among the pictures.
RENDER = "render"
# Parts with two sides of this many numbers look like pictures.
PICTURE_SIDE = 8
# Options of gymnasium.make that change how a task looks or is served, not which one it is.
NO_TASK = re.compile("render|camera|width|height|size|seed|obs|fps|image|pixel|visual|steps|checker|gui|viewer")
SUCCESS = ("success", "is_success", "succeed", "next.success")
TAKES_OVER = ("is_intervention", "intervention")
EXECUTED = ("action_intervention", "intervene_action", "teleop_action")
INSTRUCTION = ("instruction", "language_instruction", "task_description")
REWARD_TERM = re.compile(r"^reward_|_reward$|^penalty|_penalty$")


class Refusal(Exception):
    """What the other side can put right, as a sentence."""


def leaves(space, path=()):
    """The parts of a space that hold no others, each with the names that lead to it."""
    if not isinstance(space, (Dict, Tuple)):
        return [(path, space)]
    parts = space.spaces.items() if isinstance(space, Dict) else enumerate(space.spaces)
    return [leaf for name, part in parts for leaf in leaves(part, (*path, name))]


def first_of(source, names):
    return next((source[name] for name in names if source.get(name) is not None), None)


class Picture:
    """One part of an observation, brought to uint8 [H, W, 1 or 3], row 0 at the top."""
    def __init__(self, key, seen, flips, low=None, high=None):
        self.key, self.shape, self.dtype, self.notes = key, seen.shape, seen.dtype, []
        shape, dtype = seen.shape, seen.dtype
        self.is_first = len(shape) == 3 and shape[2] not in (1, 3, 4) and shape[0] in (1, 3)
        channels = 1 if len(shape) == 2 else shape[0 if self.is_first else -1]
        if len(shape) not in (2, 3) or channels not in (1, 3, 4):
            stacked = ", or without frame stacking, which is done on the other side" if len(shape) > 2 else ""
            raise self.refusal(f"[H, W], [H, W, 1, 3 or 4] or [1 or 3, H, W] is taken{stacked}")
        if channels == 4:
            self.notes.append(f"the fourth channel of the picture {key!r}, its transparency, is dropped")
        self.most = None
        if np.issubdtype(dtype, np.floating):
            ends = (None, None) if low is None else (float(np.min(low)), float(np.max(high)))
            if ends[0] is not None and math.isfinite(ends[0]) and math.isfinite(ends[1]):
                self.most = {1.0: 1.0, 255.0: 255.0}.get(ends[1]) if ends[0] >= 0 else None
            elif seen.min() >= 0 and seen.max() <= 1:
                self.most = 1.0
            if self.most is None:
                raise self.refusal(f"floats are taken in [0, 1], and these go from {ends[0]} to {ends[1]}")
            self.notes.append(f"the picture {key!r} is of floats from 0 to {self.most:g}, and is brought to 0 to 255")
        elif dtype != np.uint8:
            raise self.refusal("uint8, or floats in [0, 1], are taken")
        self.flip = flips.get(key, flips.get(key.split("/")[-1], flips.get("", "")))

    def refusal(self, reason):
        return Refusal(
            f"the part {self.key!r} of the observation looks like a picture, of shape {list(self.shape)} and dtype "
            f"{self.dtype}, and is none that can be shown: {reason}; wrap the environment so that it is one, choose "
            "other pictures with --pixels KEY,KEY, or say with --state KEY,KEY which parts are numbers")

    def show(self, value):
        value = np.asarray(value)
        if value.shape != self.shape or value.dtype != self.dtype:
            raise Refusal(f"the picture {self.key!r} changed from shape {list(self.shape)} and dtype {self.dtype} to "
                          f"{list(value.shape)} and {value.dtype}")
        if self.most is not None:
            # Rounding may leave a trace beyond the ends.
            if not (value.min() >= -1e-3 * self.most and value.max() <= 1.001 * self.most):
                raise Refusal(f"the picture {self.key!r} holds {value.min()} to {value.max()}, outside its range of "
                              f"0 to {self.most:g}: wrap the environment so that it is uint8")
            value = np.clip(np.rint(value * (255 / self.most)), 0, 255).astype(np.uint8)
        value = value[..., None] if value.ndim == 2 else np.moveaxis(value, 0, 2) if self.is_first else value
        value = value[..., :3]
        if self.flip in ("vertical", "both"):
            value = value[::-1]
        if self.flip in ("horizontal", "both"):
            value = value[:, ::-1]
        return np.ascontiguousarray(value)


def looks_like_picture(seen):
    is_small = len(seen.shape) == 3 and seen.dtype == np.uint8 and (seen.shape[2] in (1, 3) or seen.shape[0] in (1, 3))
    return is_small or sum(side >= PICTURE_SIDE for side in seen.shape) >= 2


class Served:
    """An environment whose observations are one state vector, pictures, or both."""
    def __init__(self, options):
        self.options, self.notes = options, []
        mode = {"render_mode": "rgb_array"} if options.render else {}
        try:
            self.env = gymnasium.make(options.env, **{**mode, **dict(options.option)})
        except Exception as error:  # whatever an environment throws
            raise Refusal(f"{options.env} cannot be made, {error!r}: look again at its id and at --import and --option "
                          "of its server") from error
        self.action_bounds()
        observed, info = self.reset(0)
        self.find_parts(observed)
        self.instruction = self.instruction_in(observed, info)
        self.timestep = options.timestep or self.control_time()

    def action_bounds(self):
        space, env = self.env.action_space, self.options.env
        if not isinstance(space, Box) or not np.issubdtype(space.dtype, np.floating):
            raise Refusal(f"actions must be a box of real numbers, and those of {env} are {space}: wrap the "
                          f"environment so that it takes a box; {type(space).__name__} actions are not learnt here")
        low, high = (end.astype(np.float64).ravel().copy() for end in (space.low, space.high))
        for dimension, least, most in self.options.action_range:
            at = slice(None) if dimension is None else dimension
            if dimension is not None and dimension >= len(low):
                raise Refusal(f"--action-range is given for dimension {dimension}, and there are {len(low)}, from 0")
            if np.any(low[at] > least) or np.any(high[at] < most):
                own = f"{low[at]} to {high[at]}"
                raise Refusal(f"--action-range {least:g}:{most:g} goes beyond the environment's own range, {own}")
            low[at], high[at] = least, most
        for i, (least, most) in enumerate(zip(low, high)):
            if not (math.isfinite(least) and math.isfinite(most) and least < most):
                raise Refusal(f"dimension {i} of the actions of {env} goes from {least} to {most}: actions need "
                              f"bounds; give them with --action-range={i}=LOW:HIGH, or wrap the environment")
        self.low, self.high = low, high

    def find_parts(self, observed):
        """Which parts of an observation are pictures, which are state, and which are neither."""
        options, found = self.options, leaves(self.env.observation_space)
        self.paths = {"/".join(map(str, path)): path for path, _ in found}
        parts = dict(zip(self.paths, (part for _, part in found)))
        chosen_state = self.chosen("--state", options.state, parts)
        seen = {key: np.asarray(self.part(observed, key)) for key, part in parts.items() if isinstance(part, Box)}
        chosen = self.chosen("--pixels", options.pixels, seen)
        self.text = next((key for key, part in parts.items() if isinstance(part, Text)), None)
        self.pictures, self.state, left_out = [], [], []
        for key, part in parts.items():
            if not isinstance(part, Box):
                left_out += [key] if key != self.text else []
            elif key in (chosen or ()) or (key not in (chosen_state or ()) and looks_like_picture(seen[key])):
                if chosen is None or key in chosen:
                    self.pictures.append(Picture(key, seen[key], options.flips, part.low, part.high))
            elif chosen_state is None or key in chosen_state:
                self.state.append(key)
        if options.render:
            self.pictures.append(Picture(RENDER, self.rendered(), options.flips))
        if left_out:
            self.notes.append(f"left out of the observation, since they are no boxes of numbers: {', '.join(left_out)}")
        named = {name for p in self.pictures for name in (p.key, p.key.split("/")[-1])}
        if strangers := set(options.flips) - {"", RENDER} - named:
            raise Refusal(f"--flip names {sorted(strangers)}, and the pictures are {[p.key for p in self.pictures]}")
        for picture in self.pictures:
            self.notes += picture.notes

    def part(self, observed, key):
        for name in self.paths[key]:
            observed = observed[name]
        return observed

    def chosen(self, flag, wanted, parts):
        """The keys that a flag names, each whole or by its end; None where it is not given."""
        if wanted is None:
            return None
        keys = []
        for name in wanted:
            found = [key for key in parts if key == name] or [key for key in parts if key.split("/")[-1] == name]
            if name == RENDER and self.options.render:
                continue
            if len(found) != 1:
                raise Refusal(f"{flag} {name!r} names {'none' if not found else 'several'} of what is observed: "
                              f"there are {', '.join(parts)}")
            keys += found
        return keys

    def control_time(self):
        """Seconds of one control step: by the simulator's clock, else by what the environment says of it."""
        inner, clock = self.env.unwrapped, clock_of(self.env.unwrapped)
        if clock is not None:
            before = clock.time
            self.env.step(self.as_action((self.low + self.high) / 2))
            if (passed := clock.time - before) > 0:
                return round(passed, 9)
        named = getattr(inner, "control_dt", None) or getattr(inner, "control_timestep", None)
        if named := named() if callable(named) else named:
            return float(named)
        fps, dt = self.env.metadata.get("render_fps"), getattr(inner, "dt", None)
        if dt is None or fps is None:
            if dt is None and fps is None:
                self.notes.append("the environment does not say its control time: 1/30 s is assumed; give --timestep")
            return float(dt or 1 / (fps or 30))
        # A dt that goes several times into a frame is a step of the physics.
        is_physics = dt * fps < 0.75 and abs(1 / (dt * fps) - round(1 / (dt * fps))) < 0.05
        taken = 1 / fps if is_physics else dt
        if abs(dt * fps - 1) > 0.05:
            self.notes.append(f"the environment's dt of {dt:g} s is not that of its {fps:g} frames a second: a control "
                              f"step is taken to be {taken:g} s; give --timestep where it is not")
        return float(taken)

    def facts(self):
        spec, options = self.env.spec, self.options
        task = [f"{key}={value if isinstance(value, str) else json.dumps(value)}" for key, value in options.option
                if not NO_TASK.search(key)]
        names = getattr(self.env.unwrapped, "action_names", None)
        names = [str(name) for name in names] if names is not None and len(names) == len(self.low) else None
        limits = [limit for limit in (options.max_steps, spec and spec.max_episode_steps) if limit]
        observed = self.observe(self.reset(0)[0])
        for note in self.notes:
            print(f"Note: {note}.", flush=True)
        return {
            "protocol": PROTOCOL,
            "name": options.name or (spec.id if spec else options.env) + (f"({','.join(task)})" if task else ""),
            "renderer": f"gymnasium {gymnasium.__version__}",
            "actionSize": len(self.low), "actionLow": self.low.tolist(), "actionHigh": self.high.tolist(),
            "actionNames": names, "stateSize": len(observed["state"]) // 4,
            "images": [{"key": key, "shape": shape} for key, shape in self.shapes.items()],
            "renders": self.env.render_mode in ("rgb_array", "rgb_array_list"),
            "maxSteps": min(limits) if limits else None, "timestep": self.timestep, "instruction": self.instruction,
        }

    def rendered(self):
        shown = self.env.render()
        # Several cameras, or the frames since the last look.
        shown = shown[-1] if isinstance(shown, (list, tuple)) and shown else shown
        if shown is None or isinstance(shown, list):
            raise Refusal(f"{self.options.env} renders nothing: try another --option render_mode=...")
        return np.asarray(shown)

    def observe(self, observed):
        state = [np.asarray(self.part(observed, key), dtype="<f4").ravel() for key in self.state]
        shown = {}
        for picture in self.pictures:
            is_part = picture.key in self.paths
            shown[picture.key] = picture.show(self.part(observed, picture.key) if is_part else self.rendered())
        self.shapes = {key: list(picture.shape) for key, picture in shown.items()}
        return {"state": np.concatenate(state).tobytes() if state else b"",
                "images": {key: picture.tobytes() for key, picture in shown.items()}}

    def instruction_in(self, observed, info):
        said = self.options.instruction or first_of(info, INSTRUCTION)
        said = said or next((v for v in (getattr(self.env.unwrapped, name, None) for name in INSTRUCTION) if v), None)
        said = said or (self.part(observed, self.text) if self.text is not None else None)
        return said if isinstance(said, str) else None

    def reset(self, seed):
        """Everything random that can be reached follows from the seed, so that episodes repeat."""
        seed_globals(seed)
        # For environments that make nothing of the seed in reset.
        self.env.unwrapped.np_random = np.random.default_rng(seed)
        self.elapsed = 0
        return self.env.reset(seed=seed)

    def as_action(self, numbers):
        space = self.env.action_space
        return numbers.reshape(space.shape).astype(space.dtype)

    def step(self, action):
        self.elapsed += 1
        try:
            return self.env.step(action)
        except Exception as error:
            if self.elapsed == 1 or not re.search("reset|truncat|terminat|limit|done|max", str(error), re.I):
                raise
            raise Refusal(f"the environment raised {error!r} in control step {self.elapsed} of an episode, as one does "
                          f"beyond its own time limit: start its server with --max-steps {self.elapsed - 1}") from error

    def answer(self, request):
        if (op := request.get("op")) == "reset":
            observed, info = self.reset(int(request["seed"]))
            return {**self.observe(observed), "instruction": self.instruction_in(observed, info)}
        if op == "step":
            return self.repeat(np.frombuffer(request["action"], dtype="<f4"), max(1, int(request["repeat"])))
        if op == "render":
            picture = Picture(RENDER, shown := self.rendered(), self.options.flips).show(shown)
            return {"pixels": picture.tobytes(), "shape": list(picture.shape)}
        raise Refusal(f"there is no request {op!r}")

    def repeat(self, action, count):
        sent = self.low + (action.astype(np.float64) + 1) / 2 * (self.high - self.low)
        sent = np.clip(sent, self.low, self.high)
        total, steps, ends, said, terms, executed, knows = 0.0, 0, (False, False), {}, {}, [], False
        while steps < count and not any(ends):
            observed, reward, *ends, info = self.step(self.as_action(sent))
            total, steps = total + float(reward), steps + 1
            # Of several that an environment has, such as its own and a person's, one is enough.
            if outcomes := [bool(np.any(info[name])) for name in SUCCESS if info.get(name) is not None]:
                said["success"] = said.get("success", False) or any(outcomes)
            for name, value in reward_terms(info).items():
                terms[name] = terms.get(name, 0.0) + value
            knows_now, person = self.executed(info)
            knows = knows or knows_now
            executed.append(person)
        if knows:
            # What counts is what was done: the mean of it over the repeats.
            done = [sent if person is None else person for person in executed]
            taken = any(person is not None for person in executed)
            said["executed"] = np.mean(done, axis=0).astype("<f4").tobytes() if taken else None
        if terms:
            said["rewardTerms"] = terms
        return {**self.observe(observed), **said, "reward": total, "steps": steps,
                "terminated": bool(ends[0]), "truncated": bool(ends[1])}

    def executed(self, info):
        """Whether a person can take over, and the action that was executed instead, where one did."""
        takes_over, action = first_of(info, TAKES_OVER), first_of(info, EXECUTED)
        if takes_over is None and action is None:
            return False, None
        if takes_over is not None and not bool(np.any(takes_over)):
            return True, None
        action = None if action is None else np.asarray(action, dtype=np.float64).ravel()
        if action is None or len(action) != len(self.low):
            raise Refusal(f"a person took over, and the action is not among its infos as {' or '.join(EXECUTED)}, "
                          f"{len(self.low)} numbers")
        return True, action


def reward_terms(info):
    """Parts of a reward that an info names, such as reward_forward or discrete_penalty."""
    named = {**info, **(info["reward_terms"] if isinstance(info.get("reward_terms"), dict) else {})}
    inner = set(named) - set(info)
    return {str(name): float(value) for name, value in named.items()
            if (name in inner or REWARD_TERM.search(str(name))) and np.ndim(value) == 0
            and isinstance(value, (int, float, np.number)) and math.isfinite(value)}


def clock_of(inner):
    """MuJoCo's data, which hold the time, of the environment or of one that lies in it; None elsewhere."""
    for owner in [inner, *getattr(inner, "__dict__", {}).values()]:
        for path in ((), ("data",), ("physics", "data")):
            data = owner
            for name in path:
                data = getattr(data, name, None)
            if isinstance(getattr(data, "time", None), float) and hasattr(data, "qpos"):
                return data
    return None


def seed_globals(seed):
    """Generators that are the whole process's, which some environments draw from."""
    random.seed(seed)
    np.random.seed(seed)


class Session(socketserver.StreamRequestHandler):
    """One connection: a hello, then one answer to each request, until it is closed."""
    disable_nagle_algorithm = True

    def handle(self):
        served = None
        try:
            self.connection.settimeout(HELLO_SECONDS)
            hello, options = self.receive() or {}, self.server.options
            if not hmac.compare_digest(str(hello.get("token") or "").encode(), (options.token or "").encode()):
                raise Refusal("the token is not the server's (RLPD_REMOTE_TOKEN)")
            if hello.get("op") != "hello" or hello.get("protocol") != PROTOCOL:
                said = f"{hello.get('op')!r} of version {hello.get('protocol')}"
                raise Refusal(f"version {PROTOCOL} of the protocol is spoken here, and begins with a hello; this was "
                              f"{said}: bring rlpd-pixels and server.py to the same version")
            # A forked process begins with its parent's random state.
            seed_globals(int.from_bytes(os.urandom(4), "big"))
            served = Served(options)
            self.connection.settimeout(None)
            self.send(served.facts())
            while (request := self.receive()) is not None:
                self.send(served.answer(request))
        except Exception as error:  # whatever an environment throws
            refused = isinstance(error, Refusal)
            try:
                self.send({"error": str(error) if refused else repr(error), "isInput": refused})
            except OSError:
                pass  # The client went away.
        finally:
            if served is not None:
                served.env.close()

    def receive(self):
        if len(head := self.rfile.read(4)) < 4:
            return None
        if (length := int.from_bytes(head, "big")) > MAX_REQUEST_BYTES:
            raise Refusal(f"a request of {length} bytes is more than {MAX_REQUEST_BYTES}")
        return dict(msgpack.unpackb(self.rfile.read(length), raw=False))

    def send(self, answer):
        body = msgpack.packb(answer)
        self.wfile.write(len(body).to_bytes(4, "big") + body)


def option(text):
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def keys(text):
    return [key for key in text.split(",") if key]


def flip(text):
    key, _, way = text.rpartition("=")
    if way not in ("vertical", "horizontal", "both"):
        raise argparse.ArgumentTypeError(f"{text!r} is none of vertical, horizontal, both, or KEY=vertical")
    return key, way


def action_range(text):
    match = re.fullmatch(r"(?:(\d+)=)?([^:]+):([^:]+)", text)
    try:
        dimension, low, high = match[1] and int(match[1]), float(match[2]), float(match[3])
    except (TypeError, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not LOW:HIGH or N=LOW:HIGH") from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise argparse.ArgumentTypeError(f"{text!r} is no range: LOW must be below HIGH")
    return dimension, low, high


def positive(kind):
    def parse(text):
        value = kind(text)
        if not (0 < value < math.inf):
            raise argparse.ArgumentTypeError(f"{text!r} is not above 0")
        return value
    parse.__name__ = kind.__name__
    return parse


def main():
    parser = argparse.ArgumentParser(description="Serve a Gymnasium environment to rlpd-pixels.")
    parser.add_argument("env", help="the environment's id, such as CarRacing-v3")
    parser.add_argument("--import", dest="module", action="append", default=[], help="module that registers it")
    parser.add_argument("--option", action="append", default=[], type=option, metavar="KEY=VALUE",
                        help="for gymnasium.make; those that choose a task become a part of its name")
    parser.add_argument("--name", help="what the task is called (default: its id and the options that choose it)")
    parser.add_argument("--render", action="store_true", help=f"observe what render() shows, too, as {RENDER!r}")
    parser.add_argument("--pixels", type=keys, metavar="KEY,KEY", help="which pictures are observed (default: all)")
    parser.add_argument("--state", type=keys, metavar="KEY,KEY",
                        help="which parts are the state (default: all boxes that do not look like pictures)")
    parser.add_argument("--flip", dest="flips", action="append", default=[], type=flip, metavar="[KEY=]WAY",
                        help="turn pictures around: vertical (upside down), horizontal or both; all, or that of a key")
    parser.add_argument("--action-range", action="append", default=[], type=action_range, metavar="[N=]LOW:HIGH",
                        help="bounds of actions that have none, or narrower ones, of all or of dimension N: "
                        "--action-range=-1:1")
    parser.add_argument("--timestep", type=positive(float), metavar="SECONDS",
                        help="of one control step (default: by the simulator's clock, or what the environment says)")
    parser.add_argument("--max-steps", type=positive(int), metavar="N",
                        help="control steps after which an episode ends")
    parser.add_argument("--instruction", metavar="TEXT", help="what is to be done (default: what the environment says)")
    parser.add_argument("--token", default=os.environ.get("RLPD_REMOTE_TOKEN"), help="what a client must know")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5555)
    options = parser.parse_args()
    options.flips = dict(options.flips)
    if options.host not in ("127.0.0.1", "localhost") and not options.token:
        parser.error(f"{options.host} can be reached from elsewhere: a --token is needed")
    for name in options.module:
        try:
            gymnasium.register_envs(importlib.import_module(name))
        except ModuleNotFoundError as error:
            parser.error(f"--import {name}: {error}; install what registers the environment")
    socketserver.TCPServer.allow_reuse_address = True
    try:
        server = socketserver.ForkingTCPServer((options.host, options.port), Session)
    except (OSError, OverflowError) as error:
        parser.error(f"{options.host}:{options.port} cannot be listened on ({error}): choose another --port")
    with server:
        server.options = options
        print(f"Serving {options.env} at remote:{options.host}:{options.port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            pass


if __name__ == "__main__":
    main()
