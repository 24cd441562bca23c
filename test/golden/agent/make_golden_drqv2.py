"""Writes the golden values of whole DrQ-v2 updates, from pixels and from state.

Independent of the TypeScript, as make_golden.py is, whose networks and finite differences it takes. What the gradient
passes as if it were not there (the clip of an action) is a constant offset here, fixed before the differences.
Run: python make_golden_drqv2.py  (NumPy 1.24 or later).
"""

import numpy as np
from make_golden import (
    A,
    BASE,
    FRAMES,
    LEARNING_RATES,
    S,
    adam,
    features,
    minibatch,
    numeric_gradient,
    owned,
    plain,
    q_values,
    representation,
    write,
)

CONFIG = {
    **BASE,
    "algorithm": "drqv2",
    "ensembleSize": 2,
    "targetSubset": 2,
    "criticLayerNorm": False,
    # Both far enough from their defaults to be seen; σε often lies beyond the clip.
    "emaRate": 0.02,
    "explorationClip": 0.25,
    "discount": 0.95,
}
# σ of the two critic steps; the actor's is the second.
STDS = (0.5, 0.4)


def policy(p, c, feats, state):
    x = representation(p, "actor", feats, state)
    for layer in range(c["hiddenLayers"]):
        h = f"actor/policy/hidden{layer + 1}"
        x = np.maximum(x @ p[f"{h}/weight"][0] + p[f"{h}/bias"][0], 0)
    return np.tanh(x @ p["actor/policy/output/weight"][0] + p["actor/policy/output/bias"][0])


def explored(c, mode, noise, std):
    clip = c["explorationClip"]
    return np.clip(mode + np.clip(std * noise, -clip, clip), -1, 1)


def critic_step(p, c, x, std, step):
    image, state, next_image, next_state = (x.get(k) for k in ("image", "state", "nextImage", "nextState"))
    before = features(p, "critic", image)
    next_features = features(p, "critic", next_image)  # the encoder has no target
    a_next = explored(c, policy(p, c, next_features, next_state), x["nextNoise"], std)
    z_next = representation(p, "targetCritic", next_features, next_state)
    y = x["rewards"] + c["discount"] * x["masks"] * q_values(p, "targetCritic", range(2), c, z_next, a_next, None).min(0)

    def values():
        z = representation(p, "critic", features(p, "critic", image), state)
        return q_values(p, "critic", range(2), c, z, x["actions"], None)

    def loss():
        q1, q2 = values()
        return ((q1 - y) ** 2).mean() + ((q2 - y) ** 2).mean()

    metrics = {"criticLoss": loss(), "qMean": values().mean(), "targetMean": y.mean()}
    adam(p, numeric_gradient(loss, p, owned(p, "critic")), LEARNING_RATES["critic"], step, c["criticWeightDecay"])
    for target in owned(p, "targetCritic"):
        name = target.replace("targetCritic/", "critic/", 1)
        p[target] = (1 - c["emaRate"]) * p[target] + c["emaRate"] * p[name]
    return metrics, before


def actor_step(p, c, x, before, std, step):
    state = x.get("state")
    z = representation(p, "critic", before, state)
    mode = policy(p, c, before, state)
    offset = explored(c, mode, x["noise"], std) - mode
    clipped = np.abs(mode + offset) == 1
    assert clipped.any() and not clipped.all(), "the case should clip some actions and not others"
    chosen = q_values(p, "critic", range(2), c, z, mode + offset, None).argmin(0)
    assert 0 < chosen.sum() < len(chosen), "each critic should be the least somewhere"

    def loss():
        return -q_values(p, "critic", range(2), c, z, policy(p, c, before, state) + offset, None).min(0).mean()

    metrics = {"actorLoss": loss(), "explorationStd": std}
    adam(p, numeric_gradient(loss, p, owned(p, "actor")), LEARNING_RATES["actor"], step)
    return metrics


def initial(c, pixels, state, rng):
    """Weights, target weights away from them, and the moments of a run already under way."""
    p = {}

    def add(name, *shape, near=0.0, scale=0.4):
        p[name] = near + scale * rng.standard_normal(shape)

    width, trunk = c["hiddenWidth"], c["trunkWidth"]
    inputs = (trunk if pixels else 0) + (S if state else 0)

    def trunk_of(group):
        if pixels:
            add(f"{group}/trunk/weight", 1, 16, trunk)
            add(f"{group}/trunk/bias", 1, trunk)
            add(f"{group}/trunk/norm/gain", 1, trunk, near=1.0)
            add(f"{group}/trunk/norm/offset", 1, trunk)

    def layers(prefix, members, n):
        for layer in range(c["hiddenLayers"]):
            add(f"{prefix}/hidden{layer + 1}/weight", members, n, width)
            add(f"{prefix}/hidden{layer + 1}/bias", members, width)
            n = width

    if pixels:
        add("critic/encoder/conv1/filter", 3, 3, FRAMES, 3)
        add("critic/encoder/conv1/bias", 3)
        add("critic/encoder/conv2/filter", 3, 3, 3, 4, scale=0.3)
        add("critic/encoder/conv2/bias", 4)
    for group in ("critic", "targetCritic"):
        trunk_of(group)
        layers(f"{group}/heads", 2, inputs + A)
        add(f"{group}/heads/output/weight", 2, width, 1)
        # Alike, so that either critic may be the least.
        add(f"{group}/heads/output/bias", 2, 1, scale=0.02)
    trunk_of("actor")
    layers("actor/policy", 1, inputs)
    add("actor/policy/output/weight", 1, width, A)
    # Near an action's bounds, so that noise crosses one of them.
    add("actor/policy/output/bias", 1, A, near=1.0)
    for name in list(p):
        if not name.startswith("targetCritic/"):
            p[f"adam/{name}/first"] = 0.05 * rng.standard_normal(p[name].shape)
            p[f"adam/{name}/second"] = rng.uniform(0.001, 0.02, p[name].shape)
    for name in p:  # what float32 can hold, so that both sides start from the same numbers
        p[name] = np.asarray(p[name], np.float32).astype(np.float64)
    return p


def make_update(name, pixels, state, changes, seed):
    """An update at UTD 2: a critic step on the first minibatch, the full step on the second."""
    rng = np.random.default_rng(seed)
    c = {**CONFIG, **changes}
    p = initial(c, pixels, state, rng)
    before = {k: plain(v) for k, v in p.items()}
    batches = [minibatch(c, pixels, state, rng) for _ in range(2)]
    first, _ = critic_step(p, c, batches[0], STDS[0], 8)
    second, feats = critic_step(p, c, batches[1], STDS[1], 9)
    actor = actor_step(p, c, batches[1], feats, STDS[1], 4)
    write(
        f"drqv2-{name}",
        {
            "config": c,
            "steps": {"critic": [8, 9], "actor": 4},
            "explorationStds": STDS,
            "before": before,
            "minibatches": [{k: plain(v) for k, v in x.items()} for x in batches],
            "after": {k: plain(v) for k, v in p.items()},
            "metrics": [first, {**second, **actor}],
        },
    )


if __name__ == "__main__":
    make_update("pixels", True, False, {}, seed=29)
    make_update("state", False, True, {"hiddenLayers": 3, "criticWeightDecay": 0.3}, seed=45)
