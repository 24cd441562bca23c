"""Writes the golden values of one whole RLPD update and of one of behaviour cloning.

Independent of the TypeScript: NumPy in float64, forward formulas only; every gradient is a central finite
difference of the loss, so that no derivation is shared. Run: python make_golden.py [CASE …]  (NumPy 1.24 or later).
"""

import json
import pathlib
import sys

import numpy as np

B, H, A, S = 6, 11, 2, 3
FRAMES = 2
LEARNING_RATES = {"critic": 1e-3, "actor": 2e-3, "temperature": 5e-3}
EPSILON = 1e-6  # of layer norm
here = pathlib.Path(__file__).parent


# --- networks: parameters are a dict from name to array -------------------------------------------------------


def conv(x, w, b, stride):
    kh, kw, _, out = w.shape
    height = (x.shape[1] - kh) // stride + 1
    width = (x.shape[2] - kw) // stride + 1
    y = np.zeros((x.shape[0], height, width, out)) + b
    for i in range(kh):
        for j in range(kw):
            window = x[:, i : i + stride * height : stride, j : j + stride * width : stride, :]
            y += np.einsum("bhwc,co->bhwo", window[:, :height, :width], w[i, j])
    return np.maximum(y, 0)


def features(p, group, image):
    """Of an image, or by name of several (a dict), each by its own convolutions; None without."""
    if image is None:
        return None
    if isinstance(image, dict):
        return {name: encoded(p, f"{group}/encoder/{name}", one) for name, one in image.items()}
    return encoded(p, f"{group}/encoder", image)


def encoded(p, encoder, image):
    x = conv(image, p[f"{encoder}/conv1/filter"], p[f"{encoder}/conv1/bias"], 2)
    x = conv(x, p[f"{encoder}/conv2/filter"], p[f"{encoder}/conv2/bias"], 2)
    return x.reshape(x.shape[0], -1)


def norm(x, gain, offset):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return gain * (x - mean) / np.sqrt(variance + EPSILON) + offset


def representation(p, group, feats, state):
    """Each image's features through a trunk, and beside images the state through one too; a state alone as it is."""
    if feats is None:
        return state
    several = feats.items() if isinstance(feats, dict) else [("", feats)]
    parts = [trunk(p, f"{group}/trunk" + (f"/{name}" if name else ""), one) for name, one in several]
    if state is not None:
        parts.append(trunk(p, f"{group}/stateTrunk", state))
    return np.concatenate(parts, 1)


def trunk(p, t, x):
    y = x @ p[f"{t}/weight"][0] + p[f"{t}/bias"][0]
    return np.tanh(norm(y, p[f"{t}/norm/gain"][0], p[f"{t}/norm/offset"][0]))


def q_value(p, group, member, c, z, action, masks):
    x = np.concatenate([z, action], 1)
    for layer in range(c["hiddenLayers"]):
        h = f"{group}/heads/hidden{layer + 1}"
        x = x @ p[f"{h}/weight"][member] + p[f"{h}/bias"][member]
        if masks is not None:
            x = x * masks[layer]
        if c["criticLayerNorm"]:
            x = norm(x, p[f"{h}/norm/gain"][member], p[f"{h}/norm/offset"][member])
        x = np.maximum(x, 0)
    return (x @ p[f"{group}/heads/output/weight"][member] + p[f"{group}/heads/output/bias"][member])[:, 0]


def q_values(p, group, members, c, z, action, masks):
    return np.stack(
        [
            q_value(p, group, m, c, z, action, None if masks is None else [layer[i] for layer in masks])
            for i, m in enumerate(members)
        ]
    )


def gaussian(p, c, feats, state, masks=None, group="actor"):
    x = representation(p, group, feats, state)
    for layer in range(c["hiddenLayers"]):
        h = f"{group}/policy/hidden{layer + 1}"
        x = x @ p[f"{h}/weight"][0] + p[f"{h}/bias"][0]
        if masks is not None:
            x = x * masks[layer][0]
        x = np.maximum(x, 0)
    w, b = p[f"{group}/policy/heads/weight"], p[f"{group}/policy/heads/bias"]
    return x @ w[0] + b[0], np.clip(x @ w[1] + b[1], -20, 2)


def log_prob(u, mean, log_std):
    """log density of a = tanh(u) in the textbook's form, exact enough in float64 for moderate u."""
    std = np.exp(log_std)
    normal = -0.5 * ((u - mean) / std) ** 2 - log_std - 0.5 * np.log(2 * np.pi)
    return (normal - np.log(1 - np.tanh(u) ** 2)).sum(1)


def sample(p, c, feats, state, noise, masks=None):
    mean, log_std = gaussian(p, c, feats, state, masks)
    u = mean + np.exp(log_std) * noise
    return np.tanh(u), log_prob(u, mean, log_std)


# --- the update ------------------------------------------------------------------------------------------------


def numeric_gradient(loss, p, names, h=1e-6):
    gradients = {}
    for name in names:
        flat = p[name].reshape(-1)
        g = np.zeros_like(flat)
        for i in range(flat.size):
            kept = flat[i]
            flat[i] = kept + h
            above = loss()
            flat[i] = kept - h
            below = loss()
            flat[i] = kept
            g[i] = (above - below) / (2 * h)
        gradients[name] = g.reshape(p[name].shape)
    return gradients


def adam(p, gradients, rate, step, decay=0.0):
    for name, g in gradients.items():
        m, v = p[f"adam/{name}/first"], p[f"adam/{name}/second"]
        m[...] = 0.9 * m + 0.1 * g
        v[...] = 0.999 * v + 0.001 * g * g
        if name.endswith(("/weight", "/filter")):
            p[name] -= rate * decay * p[name]
        p[name] -= rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)


def owned(p, group):
    return [name for name in p if name.startswith(f"{group}/")]


def next_value(p, c, x):
    """Of s', by the actor's action there."""
    image, state = x.get("nextImage"), x.get("nextState")
    action, logp = sample(p, c, features(p, "critic", image), state, x["nextNoise"])
    q = target_value(p, c, x, action)
    return q - np.exp(p["temperature/log"]) * logp if c["entropyBackup"] else q


def target_value(p, c, x, action):
    """Minimum over the subset of the target critics at (s', action)."""
    z = representation(p, "targetCritic", features(p, "targetCritic", x.get("nextImage")), x.get("nextState"))
    return q_values(p, "targetCritic", x["subset"], c, z, action, x.get("targetDropout")).min(0)


def critic_step(p, c, x, step, next_value=next_value):
    image, state = x.get("image"), x.get("state")
    before = features(p, "critic", image)
    y = x["rewards"] + c["discount"] * x["masks"] * next_value(p, c, x)
    everyone = range(c["ensembleSize"])

    def values():
        z = representation(p, "critic", features(p, "critic", image), state)
        return q_values(p, "critic", everyone, c, z, x["actions"], x.get("dropout"))

    metrics = {"criticLoss": ((values() - y) ** 2).mean(), "qMean": values().mean(), "targetMean": y.mean()}
    gradients = numeric_gradient(lambda: ((values() - y) ** 2).mean(), p, owned(p, "critic"))
    adam(p, gradients, LEARNING_RATES["critic"], step, c["criticWeightDecay"])
    for name in owned(p, "critic"):
        target = name.replace("critic/", "targetCritic/", 1)
        p[target] = (1 - c["emaRate"]) * p[target] + c["emaRate"] * p[name]
    return metrics, before


def actor_step(p, c, x, before, step):
    image, state = x.get("image"), x.get("state")
    temperature = np.exp(p["temperature/log"])
    z = representation(p, "critic", features(p, "critic", image), state)

    def parts():
        action, logp = sample(p, c, before, state, x["noise"], x.get("policyDropout"))
        return q_values(p, "critic", range(c["ensembleSize"]), c, z, action, x.get("actorDropout")), logp

    def constraint():
        mode = np.tanh(gaussian(p, c, before, state)[0])
        kept = x["prior"] == 1
        return ((mode[kept] - x["actions"][kept]) ** 2).mean() if kept.any() else 0.0

    weight = c.get("actorBcWeight", 0)
    scale = np.abs(parts()[0].mean(0)).mean() if weight > 0 else 1.0  # fixed while the actor moves

    def loss():
        q, logp = parts()
        unconstrained = (temperature * logp - q.mean(0)).mean()
        return unconstrained / scale + weight * constraint() if weight > 0 else unconstrained

    entropy = -parts()[1].mean()
    metrics = {"actorLoss": loss(), "entropy": entropy, "temperature": float(temperature)}
    if weight > 0:
        metrics["bcLoss"] = constraint()
    gradients = numeric_gradient(loss, p, owned(p, "actor"))
    adam(p, gradients, LEARNING_RATES["actor"], step)

    def temperature_loss():
        return float(np.exp(p["temperature/log"]) * (entropy + A / 2))

    metrics["temperatureLoss"] = temperature_loss()
    adam(p, numeric_gradient(temperature_loss, p, ["temperature/log"]), LEARNING_RATES["temperature"], step)
    return metrics


# --- cases -----------------------------------------------------------------------------------------------------


def image_shapes(pixels):
    """Shapes by the part of a parameter's name: one image has none. `pixels`: False, True, or shapes by name."""
    if isinstance(pixels, dict):
        return {f"/{name}": shape for name, shape in pixels.items()}
    return {"": (H, H, FRAMES)} if pixels else {}


def encoded_size(height, width):
    """Features of the two convolutions: 3×3 at stride 2 each, the second with 4 channels."""
    side = lambda n: ((n - 3) // 2 + 1 - 3) // 2 + 1
    return 4 * side(height) * side(width)


def initial(c, pixels, state, rng):
    """Weights, target weights away from them, and the moments of a run already under way."""
    p = {}

    def add(name, *shape, near=0.0, scale=0.4):
        p[name] = near + scale * rng.standard_normal(shape)

    width, trunk = c["hiddenWidth"], c["trunkWidth"]
    images = image_shapes(pixels)
    inputs = trunk * (len(images) + (1 if state else 0)) if images else S

    def trunk_of(group):
        for name, (height, width, _) in images.items():
            add_trunk(f"{group}/trunk{name}", encoded_size(height, width))
        if state:
            add_trunk(f"{group}/stateTrunk", S)

    def add_trunk(t, n):
        add(f"{t}/weight", 1, n, trunk)
        add(f"{t}/bias", 1, trunk)
        add(f"{t}/norm/gain", 1, trunk, near=1.0)
        add(f"{t}/norm/offset", 1, trunk)

    for group in ("critic", "targetCritic") if c["algorithm"] == "rlpd" else ():
        e = c["ensembleSize"]
        for name, (_, _, depth) in images.items():
            add(f"{group}/encoder{name}/conv1/filter", 3, 3, depth, 3)
            add(f"{group}/encoder{name}/conv1/bias", 3)
            add(f"{group}/encoder{name}/conv2/filter", 3, 3, 3, 4, scale=0.3)
            add(f"{group}/encoder{name}/conv2/bias", 4)
        if images:
            trunk_of(group)
        n = inputs + A
        for layer in range(c["hiddenLayers"]):
            h = f"{group}/heads/hidden{layer + 1}"
            add(f"{h}/weight", e, n, width)
            add(f"{h}/bias", e, width)
            if c["criticLayerNorm"]:
                add(f"{h}/norm/gain", e, width, near=1.0)
                add(f"{h}/norm/offset", e, width)
            n = width
        add(f"{group}/heads/output/weight", e, n, 1)
        add(f"{group}/heads/output/bias", e, 1)
    if pixels:
        trunk_of("actor")
    n = inputs
    for layer in range(c["hiddenLayers"]):
        add(f"actor/policy/hidden{layer + 1}/weight", 1, n, width)
        add(f"actor/policy/hidden{layer + 1}/bias", 1, width)
        n = width
    add("actor/policy/heads/weight", 2, n, A)
    add("actor/policy/heads/bias", 2, A)
    if c["algorithm"] == "rlpd":
        p["temperature/log"] = np.array(np.log(c["initialTemperature"]))
    for name in list(p):
        if not name.startswith("targetCritic/"):
            p[f"adam/{name}/first"] = 0.05 * rng.standard_normal(p[name].shape)
            p[f"adam/{name}/second"] = rng.uniform(0.001, 0.02, p[name].shape)
    for name in p:  # what float32 can hold, so that both sides start from the same numbers
        p[name] = np.asarray(p[name], np.float32).astype(np.float64)
    return p


def minibatch(c, pixels, state, rng):
    x = {
        "actions": rng.uniform(-1, 1, (B, A)),
        "rewards": rng.uniform(0, 1, B),
        "masks": np.array([1, 1, 0, 1, 1, 0.0]),
        "nextNoise": rng.standard_normal((B, A)),
        "noise": rng.standard_normal((B, A)),
        # All of them need no choice, and stand in their own order beside their dropout masks.
        "subset": np.arange(c["ensembleSize"])
        if c["targetSubset"] == c["ensembleSize"]
        else rng.permutation(c["ensembleSize"])[: c["targetSubset"]],
    }
    if isinstance(pixels, dict):
        for key in ("image", "nextImage"):
            x[key] = {name: rng.uniform(0, 1, (B, *shape)) for name, shape in pixels.items()}
    elif pixels:
        x["image"] = rng.uniform(0, 1, (B, H, H, FRAMES))
        x["nextImage"] = rng.uniform(0, 1, (B, H, H, FRAMES))
    if state:
        x["state"] = rng.standard_normal((B, S))
        x["nextState"] = rng.standard_normal((B, S))
    rate = c["criticDropout"]
    if rate > 0:
        for name, members in (("dropout", "ensembleSize"), ("targetDropout", "targetSubset"), ("actorDropout", "ensembleSize")):
            x[name] = [
                (rng.uniform(0, 1, (c[members], B, c["hiddenWidth"])) >= rate) / (1 - rate)
                for _ in range(c["hiddenLayers"])
            ]
    if "actorBcWeight" in c:
        x["prior"] = np.array([0, 0, 1, 0, 1, 1.0])
    for name, value in x.items():
        if name != "subset":
            x[name] = as_float32(value)
    return x


def as_float32(value):
    if isinstance(value, list):
        return [as_float32(one) for one in value]
    if isinstance(value, dict):
        return {name: as_float32(one) for name, one in value.items()}
    return np.float32(value).astype(np.float64)


def plain(value):
    if isinstance(value, list):
        return [plain(v) for v in value]
    if isinstance(value, dict):
        return {name: plain(v) for name, v in value.items()}
    array = np.asarray(value)
    return {"shape": list(array.shape), "data": [float(f"{v:.9g}") for v in array.reshape(-1)]}


def write(name, content):
    (here / f"{name}.json").write_text(json.dumps(content, separators=(",", ":")) + "\n")


BASE = {
    "algorithm": "rlpd",
    "encoder": "golden",
    "hiddenLayers": 2,
    "hiddenWidth": 6,
    "trunkWidth": 4,
    "ensembleSize": 3,
    "targetSubset": 1,
    "entropyBackup": False,
    "criticLayerNorm": True,
    "criticDropout": 0,
    "criticWeightDecay": 0,
    "discount": 0.99,
    "emaRate": 0.005,
    "initialTemperature": 0.1,
    "criticLearningRate": LEARNING_RATES["critic"],
    "actorLearningRate": LEARNING_RATES["actor"],
    "temperatureLearningRate": LEARNING_RATES["temperature"],
}

CASES = {
    # The paper's pixel setting.
    "pixels": (True, False, {}),
    # The paper's state setting, deeper, with weight decay.
    "state": (
        False,
        True,
        {"targetSubset": 2, "entropyBackup": True, "hiddenLayers": 3, "criticWeightDecay": 0.3, "initialTemperature": 1},
    ),
    # Pixels beside state, dropout instead of layer norm, all critics in the target.
    "both": (True, True, {"targetSubset": 3, "criticLayerNorm": False, "criticDropout": 0.25}),
    # The actor held to half of the rows; a weight at which neither term drowns the other.
    "constrained": (True, True, {"actorBcWeight": 0.4}),
    # Two images of different sizes and depths beside a state, as robots have them.
    "cameras": ({"front": (11, 13, 2), "wrist": (15, 11, 3)}, True, {}),
}


# Where the usual seed, the case's number, gives a metric so near 0 that float32 keeps few of its digits.
SEEDS = {"constrained": 15}


def make_update(name, pixels, state, changes, seed):
    """An update at UTD 2: a critic step on the first minibatch, the full step on the second."""
    rng = np.random.default_rng(seed)
    c = {**BASE, **changes}
    p = initial(c, pixels, state, rng)
    before = {k: plain(v) for k, v in p.items()}
    batches = [minibatch(c, pixels, state, rng) for _ in range(2)]
    first, _ = critic_step(p, c, batches[0], 8)
    second, feats = critic_step(p, c, batches[1], 9)
    actor = actor_step(p, c, batches[1], feats, 4)
    write(
        f"update-{name}",
        {
            "config": c,
            "steps": {"critic": [8, 9], "actor": 4},
            "before": before,
            "minibatches": [{k: plain(v) for k, v in x.items()} for x in batches],
            "after": {k: plain(v) for k, v in p.items()},
            "metrics": [first, {**second, **actor}],
        },
    )


def make_cloning(seed):
    rng = np.random.default_rng(seed)
    result = {}
    for loss_name in ("mode", "logLikelihood"):
        c = {**BASE, "algorithm": "bc", "bcLoss": loss_name}
        p = initial(c, False, True, rng)
        before = {k: plain(v) for k, v in p.items()}
        x = minibatch(c, False, True, rng)

        def loss():
            mean, log_std = gaussian(p, c, None, x["state"])
            if loss_name == "mode":
                return ((np.tanh(mean) - x["actions"]) ** 2).mean()
            return -log_prob(np.arctanh(x["actions"]), mean, log_std).mean()

        value = loss()
        adam(p, numeric_gradient(loss, p, owned(p, "actor")), LEARNING_RATES["actor"], 1)
        result[loss_name] = {
            "config": c,
            "before": before,
            "state": plain(x["state"]),
            "actions": plain(x["actions"]),
            "after": {k: plain(v) for k, v in p.items()},
            "loss": value,
        }
    write("cloning", result)


if __name__ == "__main__":
    # Names of cases as arguments: these alone. Other versions of NumPy round some of them in another way.
    wanted = sys.argv[1:] or [*CASES, "cloning"]
    for number, (case, (with_pixels, with_state, settings)) in enumerate(CASES.items()):
        if case in wanted:
            make_update(case, with_pixels, with_state, settings, seed=SEEDS.get(case, number + 1))
    if "cloning" in wanted:
        make_cloning(seed=11)
