"""Serves a Gymnasium environment to rlpd-pixels; README.md beside this file says how, and what travels.

Every connection has a process and an environment of its own. Needs: pip install gymnasium msgpack
"""
import argparse
import hmac
import importlib
import json
import os
import socketserver

import gymnasium
import msgpack
import numpy as np
from gymnasium.spaces import Box, Dict

PROTOCOL, MAX_REQUEST_BYTES, HELLO_SECONDS = 1, 1 << 20, 10


class Refusal(Exception):
    """What the other side can put right, as a sentence."""


def option(text):
    key, _, value = text.partition("=")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def is_picture(space):
    return isinstance(space, Box) and space.dtype == np.uint8 and len(space.shape) == 3 and space.shape[2] in (1, 3)


class Served:
    """An environment whose observations are one state vector, one picture, or both."""
    def __init__(self, options):
        mode = {"render_mode": "rgb_array"} if options.render else {}
        self.env = gymnasium.make(options.env, **mode, **dict(options.option))
        self.rendered = options.render
        space = self.env.observation_space
        self.is_dict = isinstance(space, Dict)
        parts = dict(space.spaces) if self.is_dict else {None: space}
        pictures = [key for key, part in parts.items() if is_picture(part)]
        if options.pixels and options.pixels not in pictures:
            raise Refusal(f"no picture {options.pixels!r} is observed; there are {pictures}")
        self.picture = ([options.pixels] if options.pixels else pictures)[:1]
        self.state = [key for key, part in parts.items() if isinstance(part, Box) and key not in pictures]
        self.action = self.env.action_space
        if not isinstance(self.action, Box) or not np.isfinite([self.action.low, self.action.high]).all():
            raise Refusal(f"actions must be a box with bounds, and {options.env} has {self.action}")

    def facts(self):
        observed = self.observe(self.env.reset(seed=0)[0])
        spec, timestep = self.env.spec, getattr(self.env.unwrapped, "dt", None)
        return {
            "protocol": PROTOCOL, "name": spec.id, "renderer": f"gymnasium {gymnasium.__version__}",
            "actionSize": int(np.prod(self.action.shape)), "stateSize": len(observed["state"]) // 4,
            "pixels": self.shape, "renders": self.env.render_mode == "rgb_array", "maxSteps": spec.max_episode_steps,
            "timestep": float(timestep or 1 / (self.env.metadata.get("render_fps") or 30)),
        }

    def observe(self, observed):
        values = observed if self.is_dict else {None: observed}
        state = [np.asarray(values[key], dtype="<f4").ravel() for key in self.state]
        picture = self.env.render() if self.rendered else values[self.picture[0]] if self.picture else None
        self.shape = None if picture is None else list(picture.shape)
        return {"state": np.concatenate(state).tobytes() if state else b"",
                "pixels": None if picture is None else np.ascontiguousarray(picture).tobytes()}

    def answer(self, request):
        if (op := request.get("op")) == "reset":
            return self.observe(self.env.reset(seed=int(request["seed"]))[0])
        if op == "step":
            low, high = self.action.low.astype(np.float64), self.action.high
            action = np.frombuffer(request["action"], dtype="<f4").reshape(low.shape)
            action = (low + (action + 1.0) / 2 * (high - low)).astype(self.action.dtype)
            total, steps, ends, success = 0.0, 0, [False, False], None
            while steps < max(1, int(request["repeat"])) and not any(ends):
                observed, reward, *ends, info = self.env.step(action)
                total, steps = total + float(reward), steps + 1
                if (said := info.get("success", info.get("is_success"))) is not None:
                    success = bool(success) or bool(said)
            ends = {"terminated": bool(ends[0]), "truncated": bool(ends[1])}
            done = {} if success is None else {"success": success}
            return {**self.observe(observed), **ends, **done, "reward": total, "steps": steps}
        if op == "render":
            picture = self.env.render()
            return {"pixels": picture.tobytes(), "shape": list(picture.shape)}
        raise Refusal(f"there is no request {op!r}")


class Session(socketserver.StreamRequestHandler):
    """One connection: a hello, then one answer to each request, until it is closed."""
    disable_nagle_algorithm = True

    def handle(self):
        try:
            self.connection.settimeout(HELLO_SECONDS)
            hello, options = self.receive() or {}, self.server.options
            if not hmac.compare_digest(str(hello.get("token") or "").encode(), (options.token or "").encode()):
                raise Refusal("the token is not the server's (RLPD_REMOTE_TOKEN)")
            if (hello.get("op"), hello.get("protocol")) != ("hello", PROTOCOL):
                raise Refusal(f"version {PROTOCOL} of the protocol is spoken here, and begins with a hello")
            served = Served(options)
            self.connection.settimeout(None)
            self.send(served.facts())
            while (request := self.receive()) is not None:
                self.send(served.answer(request))
        except OSError:
            pass  # The client went away.
        except Exception as error:  # whatever an environment throws
            refused = isinstance(error, Refusal)
            self.send({"error": str(error) if refused else repr(error), "isInput": refused})

    def receive(self):
        if len(head := self.rfile.read(4)) < 4:
            return None
        if (length := int.from_bytes(head, "big")) > MAX_REQUEST_BYTES:
            raise Refusal(f"a request of {length} bytes is more than {MAX_REQUEST_BYTES}")
        return dict(msgpack.unpackb(self.rfile.read(length), raw=False))

    def send(self, answer):
        body = msgpack.packb(answer)
        self.wfile.write(len(body).to_bytes(4, "big") + body)


def main():
    parser = argparse.ArgumentParser(description="Serve a Gymnasium environment to rlpd-pixels.")
    parser.add_argument("env", help="the environment's id, such as CarRacing-v3")
    parser.add_argument("--import", dest="module", action="append", default=[], help="module that registers it")
    parser.add_argument("--option", action="append", default=[], type=option, help="KEY=VALUE for gymnasium.make")
    parser.add_argument("--render", action="store_true", help="observe what render() shows, beside the state")
    parser.add_argument("--pixels", metavar="KEY", help="which picture of a Dict observation (default: the first)")
    parser.add_argument("--token", default=os.environ.get("RLPD_REMOTE_TOKEN"), help="what a client must know")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=5555)
    options = parser.parse_args()
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
        server.serve_forever()


if __name__ == "__main__":
    main()
