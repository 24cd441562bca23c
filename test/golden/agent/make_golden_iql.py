"""Writes the golden values of one whole IQL update, from the same networks as make_golden.py beside it.

Independent of the TypeScript: NumPy in float64, forward formulas only; every gradient is a central finite
difference of the loss. Run: python make_golden_iql.py  (NumPy 1.24 or later).
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
    q_value,
    q_values,
    representation,
    write,
)


def state_value(p, c, feats, state):
    z = representation(p, "value", feats, state)
    return q_value(p, "value", 0, c, z, np.zeros((len(z), 0)), None)


def policy(p, c, feats, state):
    x = representation(p, "actor", feats, state)
    for layer in range(c["hiddenLayers"]):
        h = f"actor/policy/hidden{layer + 1}"
        x = np.maximum(x @ p[f"{h}/weight"][0] + p[f"{h}/bias"][0], 0)
    mode = np.tanh(x @ p["actor/policy/output/weight"][0] + p["actor/policy/output/bias"][0])
    return mode, np.exp(np.clip(p["actor/policy/logStd"], -5, 2))


def log_density(action, mode, std):
    return (-((action - mode) ** 2) / (2 * std**2) - np.log(np.sqrt(2 * np.pi) * std)).sum(1)


def step(p, c, x, number):
    image, state, next_image, next_state = (x.get(k) for k in ("image", "state", "nextImage", "nextState"))
    feats = features(p, "critic", image)
    z = representation(p, "targetCritic", features(p, "targetCritic", image), state)
    q = q_values(p, "targetCritic", x["subset"], c, z, x["actions"], None).min(0)

    def value_loss():
        u = q - state_value(p, c, feats, state)
        return (np.abs(c["expectile"] - (u < 0)) * u**2).mean()

    metrics = {"valueLoss": value_loss(), "vMean": state_value(p, c, feats, state).mean()}
    adam(p, numeric_gradient(value_loss, p, owned(p, "value")), LEARNING_RATES["critic"], number)

    advantages = q - state_value(p, c, feats, state)
    weights = np.minimum(np.exp(c["advantageTemperature"] * advantages), 100)

    def actor_loss():
        mode, std = policy(p, c, feats, state)
        loss = -(weights * log_density(x["actions"], mode, std)).mean()
        return loss + (c["actorBcWeight"] * constraint() if "actorBcWeight" in c else 0)

    def constraint():
        kept = x["prior"] == 1
        return ((policy(p, c, feats, state)[0][kept] - x["actions"][kept]) ** 2).mean()

    metrics |= {"advantageMean": advantages.mean(), "actorLoss": actor_loss()}
    if "actorBcWeight" in c:
        metrics["bcLoss"] = constraint()
    adam(p, numeric_gradient(actor_loss, p, owned(p, "actor")), LEARNING_RATES["actor"], number)

    v_next = state_value(p, c, features(p, "critic", next_image), next_state)
    y = x["rewards"] + c["discount"] * x["masks"] * v_next

    def values():
        z = representation(p, "critic", features(p, "critic", image), state)
        return q_values(p, "critic", range(c["ensembleSize"]), c, z, x["actions"], None)

    def critic_loss():
        return ((values() - y) ** 2).mean()

    metrics |= {"criticLoss": critic_loss(), "qMean": values().mean(), "targetMean": y.mean()}
    adam(p, numeric_gradient(critic_loss, p, owned(p, "critic")), LEARNING_RATES["critic"], number)
    for name in owned(p, "critic"):
        target = name.replace("critic/", "targetCritic/", 1)
        p[target] = (1 - c["emaRate"]) * p[target] + c["emaRate"] * p[name]
    return metrics, weights


def initial(c, pixels, state, rng):
    """Weights, target weights away from them, and the moments of a run already under way."""
    p = {}

    def add(name, *shape, near=0.0, scale=0.4):
        p[name] = near + scale * rng.standard_normal(shape)

    width, trunk = c["hiddenWidth"], c["trunkWidth"]
    inputs = (trunk if pixels else 0) + (S if state else 0)

    def trunk_of(group):
        if not pixels:
            return
        add(f"{group}/trunk/weight", 1, 16, trunk)
        add(f"{group}/trunk/bias", 1, trunk)
        add(f"{group}/trunk/norm/gain", 1, trunk, near=1.0)
        add(f"{group}/trunk/norm/offset", 1, trunk)

    def layers(prefix, members, n, outputs, layer_norm):
        for layer in range(c["hiddenLayers"]):
            h = f"{prefix}/hidden{layer + 1}"
            add(f"{h}/weight", members, n, width)
            add(f"{h}/bias", members, width)
            if layer_norm:
                add(f"{h}/norm/gain", members, width, near=1.0)
                add(f"{h}/norm/offset", members, width)
            n = width
        add(f"{prefix}/output/weight", members, n, outputs)
        add(f"{prefix}/output/bias", members, outputs)

    for group in ("critic", "targetCritic"):
        if pixels:
            add(f"{group}/encoder/conv1/filter", 3, 3, FRAMES, 3)
            add(f"{group}/encoder/conv1/bias", 3)
            add(f"{group}/encoder/conv2/filter", 3, 3, 3, 4, scale=0.3)
            add(f"{group}/encoder/conv2/bias", 4)
        trunk_of(group)
        layers(f"{group}/heads", c["ensembleSize"], inputs + A, 1, c["criticLayerNorm"])
    trunk_of("value")
    layers("value/heads", 1, inputs, 1, c["criticLayerNorm"])
    trunk_of("actor")
    layers("actor/policy", 1, inputs, A, False)
    add("actor/policy/logStd", A, near=-0.5)
    for name in list(p):
        if not name.startswith("targetCritic/"):
            p[f"adam/{name}/first"] = 0.05 * rng.standard_normal(p[name].shape)
            p[f"adam/{name}/second"] = rng.uniform(0.001, 0.02, p[name].shape)
    for name in p:  # what float32 can hold, so that both sides start from the same numbers
        p[name] = np.asarray(p[name], np.float32).astype(np.float64)
    return p


IQL = {
    **BASE,
    "algorithm": "iql",
    "ensembleSize": 2,
    "targetSubset": 2,
    "criticLayerNorm": False,
    "expectile": 0.7,
    "advantageTemperature": 3,
}

# With seeds at which the advantages lie on both sides of 0 and some weights are clipped.
CASES = {
    # The preset's networks; a temperature at which some weights are clipped.
    "pixels": (True, False, {"advantageTemperature": 20}, 49),
    # A chosen critic of three with layer norm, other expectile and temperature, and the actor held to prior data.
    "state": (
        False,
        True,
        {
            "ensembleSize": 3,
            "targetSubset": 1,
            "criticLayerNorm": True,
            "expectile": 0.9,
            "advantageTemperature": 6,
            "actorBcWeight": 0.4,
        },
        56,
    ),
}


def make_update(name, pixels, state, changes, seed):
    """An update of two minibatches."""
    rng = np.random.default_rng(seed)
    c = {**IQL, **changes}
    p = initial(c, pixels, state, rng)
    before = {k: plain(v) for k, v in p.items()}
    batches = [minibatch(c, pixels, state, rng) for _ in range(2)]
    results = [step(p, c, x, number) for x, number in zip(batches, (8, 9))]
    weights = np.concatenate([w for _, w in results])
    assert weights.max() == 100 and weights.min() < 1, f"{name} needs weights on both sides of the clip: {weights}"
    write(
        f"iql-{name}",
        {
            "config": c,
            "steps": [8, 9],
            "before": before,
            "minibatches": [{k: plain(v) for k, v in x.items()} for x in batches],
            "after": {k: plain(v) for k, v in p.items()},
            "metrics": [metrics for metrics, _ in results],
        },
    )


if __name__ == "__main__":
    for case, (with_pixels, with_state, settings, case_seed) in CASES.items():
        make_update(case, with_pixels, with_state, settings, case_seed)
