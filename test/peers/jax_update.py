"""RLPD's whole update on JAX, Flax and Optax, timed on the CPU: what `rlpd bench update` measures, elsewhere.

    python3 -m venv venv && venv/bin/pip install -r test/peers/requirements.txt
    venv/bin/python test/peers/jax_update.py --precision bfloat16        # one JSON object on the last line
    venv/bin/python test/peers/jax_update.py --check                     # against test/golden/agent, in float32

One compiled function does all of an agent step: the random shift of both observations, the critic step (targets of a
random member, Adam, moving average), on the last minibatch the actor's (on the critic's features of before, cut off
from the encoder) and the temperature's. Weights, moments and losses are float32; with bfloat16 the layers compute in
bfloat16, but for the heads of Q and of the policy. The stacks come as uint8 arrays that are there already, so that
stacking frames, which `rlpd bench update` counts, costs nothing here.
"""
import argparse
import json
import os
import pathlib
import resource
import statistics
import time

parser = argparse.ArgumentParser()
parser.add_argument("--precision", choices=["float32", "bfloat16"], default="float32")
parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
parser.add_argument("--obs", choices=["pixels", "state"], default="pixels")
parser.add_argument("--batch-size", type=int, default=256)
parser.add_argument("--ensemble-size", type=int, default=10)
parser.add_argument("--image-size", type=int, default=64)
parser.add_argument("--utd-ratio", type=int, default=1)
parser.add_argument("--loop", choices=["scan", "unrolled", "calls"], default="calls",
                    help="how an update of several critic steps is compiled; calls: one compiled function a step")
parser.add_argument("--iterations", type=int, default=20)
parser.add_argument("--check", action="store_true")
options = parser.parse_args()
# XLA makes as many threads as it may use cores.
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.threads])
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import flax.linen as nn  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
import optax  # noqa: E402

PAD = 4
ACTION_SIZE, STATE_SIZE = 6, 24  # walker-walk's
xavier = nn.initializers.xavier_uniform()


class Encoder(nn.Module):
    channels: tuple
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, image):
        x = image.astype(self.dtype)
        for width in self.channels:
            x = nn.Conv(width, (3, 3), 2, padding="VALID", kernel_init=xavier, dtype=self.dtype)(x)
            x = nn.relu(x)
        return x.reshape(x.shape[0], -1)


class Trunk(nn.Module):
    width: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, features):
        return nn.tanh(nn.LayerNorm(dtype=self.dtype)(
            nn.Dense(self.width, kernel_init=xavier, dtype=self.dtype)(features)))


class Head(nn.Module):
    hidden: tuple
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x):
        for width in self.hidden:
            x = nn.Dense(width, kernel_init=xavier, dtype=self.dtype)(x)
            x = nn.relu(nn.LayerNorm(dtype=self.dtype)(x))
        return nn.Dense(1, kernel_init=xavier, dtype=jnp.float32)(x)[:, 0]


class Policy(nn.Module):
    hidden: tuple
    action_size: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, x):
        for width in self.hidden:
            x = nn.relu(nn.Dense(width, kernel_init=xavier, dtype=self.dtype)(x))
        mean = nn.Dense(self.action_size, kernel_init=xavier, dtype=jnp.float32)(x)
        log_std = nn.Dense(self.action_size, kernel_init=xavier, dtype=jnp.float32)(x)
        return mean, jnp.clip(log_std, -20, 2)


def sample(distribution, noise):
    mean, log_std = distribution
    u = mean + jnp.exp(log_std) * noise
    gaussian = -0.5 * noise**2 - log_std - 0.5 * jnp.log(2 * jnp.pi)
    jacobian = 2 * (jnp.log(2.0) - u - nn.softplus(-2 * u))
    return jnp.tanh(u), jnp.sum(gaussian - jacobian, axis=1)


def shifted(images, shifts):
    """uint8 [B, H, W, C] and [B, 2] in 0..2·PAD: padded with edge pixels and cropped, in 0..1."""
    padded = jnp.pad(images, ((0, 0), (PAD, PAD), (PAD, PAD), (0, 0)), mode="edge")
    crop = lambda image, shift: jax.lax.dynamic_slice(image, (shift[0], shift[1], 0), images.shape[1:])
    return jax.vmap(crop)(padded, shifts).astype(jnp.float32) / 255


class Learner:
    def __init__(self, channels, trunk_width, hidden, action_size, members, subset, entropy_backup,
                 learning_rates, dtype):
        self.encoder, self.trunk = (Encoder(channels, dtype), Trunk(trunk_width, dtype)) if channels else (None, None)
        self.policy = Policy(hidden, action_size, dtype)
        ensemble = lambda size: nn.vmap(Head, in_axes=None, out_axes=0, axis_size=size, variable_axes={"params": 0},
                                        split_rngs={"params": True})(hidden, dtype)
        self.heads, self.chosen = ensemble(members), ensemble(subset)
        self.members, self.entropy_backup, self.action_size = members, entropy_backup, action_size
        self.optimisers = {name: optax.adam(rate) for name, rate in learning_rates.items()}
        self.discount, self.ema_rate = 0.99, 0.005

    def init(self, key, observation, temperature):
        keys = jax.random.split(key, 5)
        critic, actor, inputs = {}, {}, observation
        if self.encoder:
            critic["encoder"] = self.encoder.init(keys[0], observation)["params"]
            features = self.encoder.apply({"params": critic["encoder"]}, observation)
            critic["trunk"] = self.trunk.init(keys[1], features)["params"]
            actor["trunk"] = self.trunk.init(keys[2], features)["params"]
            inputs = jnp.zeros((len(observation), self.trunk.width))
        actor["policy"] = self.policy.init(keys[3], inputs)["params"]
        critic["heads"] = self.heads.init(
            keys[4], jnp.concatenate([inputs, jnp.zeros((len(observation), self.action_size))], 1))["params"]
        params = {"critic": critic, "actor": actor, "temperature": jnp.log(jnp.float32(temperature))}
        moments = {name: optimiser.init(params[name]) for name, optimiser in self.optimisers.items()}
        return {"params": params, "target": jax.tree.map(jnp.copy, critic), "moments": moments}

    def features(self, critic, observation):
        return self.encoder.apply({"params": critic["encoder"]}, observation) if self.encoder else observation

    def represent(self, params, features):
        return self.trunk.apply({"params": params["trunk"]}, features) if self.trunk else features

    def values(self, heads, critic, features, action):
        inputs = jnp.concatenate([self.represent(critic, features).astype(jnp.float32), action], axis=1)
        return heads.apply({"params": critic["heads"]}, inputs)

    def distribution(self, actor, features):
        return self.policy.apply({"params": actor["policy"]}, self.represent(actor, features))

    def move(self, state, name, gradients):
        updates, moments = self.optimisers[name].update(gradients, state["moments"][name])
        params = {**state["params"], name: optax.apply_updates(state["params"][name], updates)}
        return {**state, "params": params, "moments": {**state["moments"], name: moments}}

    def critic_step(self, state, batch):
        params, target = state["params"], state["target"]
        distribution = self.distribution(params["actor"], self.features(params["critic"], batch["next"]))
        action, log_probability = sample(distribution, batch["nextNoise"])
        chosen = {**target, "heads": jax.tree.map(lambda leaf: leaf[batch["subset"]], target["heads"])}
        following = self.values(self.chosen, chosen, self.features(target, batch["next"]), action).min(axis=0)
        if self.entropy_backup:
            following -= jnp.exp(params["temperature"]) * log_probability
        wanted = batch["rewards"] + self.discount * batch["masks"] * following

        def loss_of(critic):
            features = self.features(critic, batch["observation"])
            values = self.values(self.heads, critic, features, batch["actions"])
            return jnp.mean((values - wanted) ** 2), (features, values.mean())

        (loss, (features, value)), gradients = jax.value_and_grad(loss_of, has_aux=True)(params["critic"])
        state = self.move(state, "critic", gradients)
        blend = lambda old, new: old + self.ema_rate * (new - old)
        state["target"] = jax.tree.map(blend, target, state["params"]["critic"])
        return state, features, {"criticLoss": loss, "qMean": value, "targetMean": wanted.mean()}

    def full_step(self, state, batch):
        state, features, metrics = self.critic_step(state, batch)
        critic, temperature = state["params"]["critic"], jnp.exp(state["params"]["temperature"])
        updated = self.features(critic, batch["observation"])

        def loss_of(actor):
            action, log_probability = sample(self.distribution(actor, features), batch["noise"])
            values = self.values(self.heads, critic, updated, action)
            return temperature * log_probability.mean() - values.mean(), -log_probability.mean()

        (loss, entropy), gradients = jax.value_and_grad(loss_of, has_aux=True)(state["params"]["actor"])
        state = self.move(state, "actor", gradients)
        # The loss is its own derivative with respect to log α.
        temperature_loss = temperature * (entropy + self.action_size / 2)
        state = self.move(state, "temperature", temperature_loss)
        return state, {**metrics, "actorLoss": loss, "entropy": entropy, "temperature": temperature,
                       "temperatureLoss": temperature_loss}


def with_images(batch):
    """The shift of both observations, where there are images."""
    if "shifts" not in batch:
        return batch
    return {**batch, "observation": shifted(batch["observation"], batch["shifts"]),
            "next": shifted(batch["next"], batch["nextShifts"])}


def make_update(learner, loop):
    """(state, list of minibatches) → (state, metrics of the last), compiled."""
    critic_step = lambda state, batch: learner.critic_step(state, with_images(batch))[0]
    full_step = lambda state, batch: learner.full_step(state, with_images(batch))
    if loop == "calls":
        critic, full = jax.jit(critic_step, donate_argnums=0), jax.jit(full_step, donate_argnums=0)

        def update(state, batches):
            for batch in batches[:-1]:
                state = critic(state, batch)
            return full(state, batches[-1])

        return update
    if loop == "unrolled":
        def whole(state, batches):
            for batch in batches[:-1]:
                state = critic_step(state, batch)
            return full_step(state, batches[-1])

        return jax.jit(whole, donate_argnums=0)

    def scanned(state, first, last):
        state, _ = jax.lax.scan(lambda s, batch: (critic_step(s, batch), None), state, first)
        return full_step(state, last)

    compiled = jax.jit(scanned, donate_argnums=0)
    stack = lambda batches: {name: np.stack([batch[name] for batch in batches]) for name in batches[0]}
    return lambda state, batches: (compiled(state, stack(batches[:-1]), batches[-1]) if len(batches) > 1
                                   else jax.jit(full_step)(state, batches[-1]))


def random_batch(random, pixels):
    rows, side = options.batch_size, options.image_size
    normal = lambda *shape: random.standard_normal(shape, np.float32)
    image = lambda: random.integers(0, 256, (rows, side, side, 9), np.uint8)
    shift = lambda: random.integers(0, 2 * PAD + 1, (rows, 2), np.int32)
    batch = {
        "observation": image() if pixels else normal(rows, STATE_SIZE),
        "next": image() if pixels else normal(rows, STATE_SIZE),
        "actions": random.uniform(-1, 1, (rows, ACTION_SIZE)).astype(np.float32),
        "rewards": random.uniform(0, 1, rows).astype(np.float32),
        "masks": np.ones(rows, np.float32),
        "nextNoise": normal(rows, ACTION_SIZE),
        "noise": normal(rows, ACTION_SIZE),
        "subset": random.choice(options.ensemble_size, 1 if pixels else 2, replace=False).astype(np.int32),
    }
    return {**batch, "shifts": shift(), "nextShifts": shift()} if pixels else batch


def bench():
    pixels = options.obs == "pixels"
    rate = 3e-4
    learner = Learner((32, 64, 128, 256) if pixels else (), 50, (256, 256), ACTION_SIZE, options.ensemble_size,
                      1 if pixels else 2, not pixels, {name: rate for name in ("critic", "actor", "temperature")},
                      jnp.dtype(options.precision))
    random = np.random.default_rng(0)
    sets = [[random_batch(random, pixels) for _ in range(options.utd_ratio)] for _ in range(2)]
    first = with_images(sets[0][0])["observation"]
    state = learner.init(jax.random.key(0), first, 0.1)
    parameters = {name: sum(leaf.size for leaf in jax.tree.leaves(state["params"][name])) for name in ("critic", "actor")}
    update = make_update(learner, options.loop)
    times = []
    for i in range(options.iterations + 2):
        start = time.perf_counter()
        state, metrics = jax.block_until_ready(update(state, sets[i % 2]))
        # As the other programs, whose update ends with its losses at hand.
        metrics = {name: float(value) for name, value in metrics.items()}
        times.append((time.perf_counter() - start) * 1000 / options.utd_ratio)
    assert all(np.isfinite(value) for value in metrics.values()), metrics
    print(json.dumps({
        "program": f"jax {jax.__version__}", "precision": options.precision, "threads": options.threads,
        "obs": options.obs, "batchSize": options.batch_size, "ensembleSize": options.ensemble_size,
        "imageSize": options.image_size, "utdRatio": options.utd_ratio, "loop": options.loop,
        "parameters": parameters, "msPerUpdate": statistics.median(times[2:]),
        "peakMemoryMB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }))


def check():
    """The project's golden updates, of NumPy and finite differences: metrics of two steps, and every weight after."""
    folder = pathlib.Path(__file__).parent.parent / "golden" / "agent"
    worst = 0.0
    for name in ("pixels", "state"):
        golden = json.loads((folder / f"update-{name}.json").read_text())
        config = golden["config"]
        array = lambda value: np.array(value["data"], np.float32).reshape(value["shape"])
        learner = Learner(
            (3, 4) if name == "pixels" else (), config["trunkWidth"], (config["hiddenWidth"],) * config["hiddenLayers"],
            golden["minibatches"][0]["actions"]["shape"][1], config["ensembleSize"], config["targetSubset"],
            config["entropyBackup"], {key: config[f"{key}LearningRate"] for key in ("critic", "actor", "temperature")},
            jnp.float32)
        critic = lambda prefix, values: critic_tree(config, lambda key: array(values[f"{prefix}/{key}"]), name == "pixels")
        actor = lambda prefix, values: actor_tree(config, lambda key: array(values[f"{prefix}/{key}"]), name == "pixels")
        before, after = golden["before"], golden["after"]
        params = {"critic": critic("critic", before), "actor": actor("actor", before),
                  "temperature": array(before["temperature/log"])}
        moment = lambda which: {
            "critic": critic_tree(config, lambda key: array(before[f"adam/critic/{key}/{which}"]), name == "pixels"),
            "actor": actor_tree(config, lambda key: array(before[f"adam/actor/{key}/{which}"]), name == "pixels"),
            "temperature": array(before[f"adam/temperature/log/{which}"])}
        firsts, seconds = moment("first"), moment("second")
        counts = {"critic": golden["steps"]["critic"][0], "actor": golden["steps"]["actor"],
                  "temperature": golden["steps"]["actor"]}
        moments = {key: (optax.ScaleByAdamState(jnp.int32(counts[key] - 1), firsts[key], seconds[key]),
                         *learner.optimisers[key].init(params[key])[1:]) for key in params}
        state = {"params": params, "target": critic("targetCritic", before), "moments": moments}
        names = {"image": "observation", "state": "observation", "nextImage": "next", "nextState": "next"}
        for i, minibatch in enumerate(golden["minibatches"]):
            batch = {names.get(key, key): array(value) for key, value in minibatch.items() if isinstance(value, dict)}
            batch["subset"] = batch["subset"].astype(np.int32)
            if i == 0:
                state, _, metrics = learner.critic_step(state, batch)
            else:
                state, metrics = learner.full_step(state, batch)
            for key, wanted in golden["metrics"][i].items():
                worst = max(worst, abs(float(metrics[key]) - wanted) / max(1, abs(wanted)))
            # The other steps of the state update have weight decay, which the benches have not.
            if config["criticWeightDecay"] > 0:
                break
        else:
            wanted = {"critic": critic("critic", after), "actor": actor("actor", after), "target": critic("targetCritic", after)}
            found = {**{key: state["params"][key] for key in ("critic", "actor")}, "target": state["target"]}
            difference = jax.tree.map(lambda a, b: float(np.max(np.abs(a - b))), found, wanted)
            worst = max(worst, *jax.tree.leaves(difference))
    assert worst < 1e-4, f"differs from the golden updates by {worst}"
    print(json.dumps({"program": f"jax {jax.__version__}", "greatestDifference": worst}))


def norm_tree(of, prefix, squeeze):
    return {"scale": squeeze(of(f"{prefix}/gain")), "bias": squeeze(of(f"{prefix}/offset"))}


def critic_tree(config, of, pixels):
    layers = config["hiddenLayers"]
    keep = lambda x: x
    heads = {f"Dense_{i}": {"kernel": of(f"heads/hidden{i + 1}/weight"), "bias": of(f"heads/hidden{i + 1}/bias")}
             for i in range(layers)}
    heads |= {f"LayerNorm_{i}": norm_tree(of, f"heads/hidden{i + 1}/norm", keep) for i in range(layers)}
    heads[f"Dense_{layers}"] = {"kernel": of("heads/output/weight"), "bias": of("heads/output/bias")}
    if not pixels:
        return {"heads": heads}
    encoder = {f"Conv_{i}": {"kernel": of(f"encoder/conv{i + 1}/filter"), "bias": of(f"encoder/conv{i + 1}/bias")}
               for i in range(2)}
    return {"encoder": encoder, "trunk": trunk_tree(of), "heads": heads}


def trunk_tree(of):
    only = lambda x: x[0]
    return {"Dense_0": {"kernel": only(of("trunk/weight")), "bias": only(of("trunk/bias"))},
            "LayerNorm_0": norm_tree(of, "trunk/norm", only)}


def actor_tree(config, of, pixels):
    layers = config["hiddenLayers"]
    policy = {f"Dense_{i}": {"kernel": of(f"policy/hidden{i + 1}/weight")[0], "bias": of(f"policy/hidden{i + 1}/bias")[0]}
              for i in range(layers)}
    for head in range(2):
        policy[f"Dense_{layers + head}"] = {"kernel": of("policy/heads/weight")[head], "bias": of("policy/heads/bias")[head]}
    return {"trunk": trunk_tree(of), "policy": policy} if pixels else {"policy": policy}


check() if options.check else bench()
