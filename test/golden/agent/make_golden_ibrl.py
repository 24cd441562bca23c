"""Writes the golden values of IBRL: one step of cloning, then one whole update, and the actions before and after.

Independent of the TypeScript in the same way as make_golden.py, whose networks, optimiser and finite differences it
takes. Run: python make_golden_ibrl.py  (NumPy 1.24 or later).
"""

from itertools import combinations

import make_golden as rlpd
import numpy as np

CASES = {
    # Hard choice from pixels, the minimum of two critics, dropout in the actor.
    "pixels": (True, False, {"targetSubset": 2, "actorDropout": 0.5}),
    # Soft choice from state, with entropy backup and dropout in the critics.
    "state": (
        False,
        True,
        {
            "targetSubset": 2,
            "actorDropout": 0.25,
            "criticDropout": 0.2,
            "entropyBackup": True,
            "proposalInverseTemperature": 3,
            "bcLoss": "logLikelihood",
        },
    ),
}


def cloned_parameters(c, pixels, state, rng):
    """The cloned policy with an encoder of its own."""
    p = rlpd.initial({**c, "algorithm": "bc"}, pixels, state, rng)
    if pixels:
        critic = rlpd.initial({**c, "algorithm": "rlpd"}, pixels, state, rng)
        for name, value in critic.items():
            if name.removeprefix("adam/").startswith("critic/encoder/"):
                p[name.replace("critic/", "actor/", 1)] = value
    return {name.replace("actor/", "clonedPolicy/", 1): value for name, value in p.items()}


def cloned_gaussian(p, c, image, state):
    return rlpd.gaussian(p, c, rlpd.features(p, "clonedPolicy", image), state, group="clonedPolicy")


def cloning_step(p, c, x, step):
    def loss():
        mean, log_std = cloned_gaussian(p, c, x.get("image"), x.get("state"))
        if c["bcLoss"] == "mode":
            return ((np.tanh(mean) - x["actions"]) ** 2).mean()
        return -rlpd.log_prob(np.arctanh(x["actions"]), mean, log_std).mean()

    value = loss()
    gradients = rlpd.numeric_gradient(loss, p, rlpd.owned(p, "clonedPolicy"))
    rlpd.adam(p, gradients, rlpd.LEARNING_RATES["actor"], step)
    return {"cloningLoss": value}


def chance_of_cloned(c, own, cloned):
    beta = c["proposalInverseTemperature"]
    if beta is None:
        return (cloned > own).astype(float)
    weights = np.exp(beta * np.stack([own, cloned]))
    return weights[1] / weights.sum(0)


def next_value(p, c, x):
    image, state = x.get("nextImage"), x.get("nextState")
    feats = rlpd.features(p, "critic", image)
    action, logp = rlpd.sample(p, c, feats, state, x["nextNoise"], x.get("nextPolicyDropout"))
    own = rlpd.target_value(p, c, x, action)
    cloned = rlpd.target_value(p, c, x, np.tanh(cloned_gaussian(p, c, image, state)[0]))
    chance = chance_of_cloned(c, own, cloned)
    x["imitationShare"] = chance.mean()
    bonus = -np.exp(p["temperature/log"]) * logp if c["entropyBackup"] else 0
    return chance * cloned + (1 - chance) * (own + bonus)


def act(p, c, x):
    """With the mode of each, row by row: the better one in the mean over all choices of the subset."""
    image, state = x.get("image"), x.get("state")
    own = np.tanh(rlpd.gaussian(p, c, rlpd.features(p, "critic", image), state)[0])
    cloned = np.tanh(cloned_gaussian(p, c, image, state)[0])
    z = rlpd.representation(p, "targetCritic", rlpd.features(p, "targetCritic", image), state)

    def value(action):
        q = rlpd.q_values(p, "targetCritic", range(c["ensembleSize"]), c, z, action, None)
        choices = combinations(range(c["ensembleSize"]), c["targetSubset"])
        return np.mean([q[list(choice)].min(0) for choice in choices], 0)

    takes = value(cloned) > value(own)
    return {"action": np.where(takes[:, None], cloned, own), "takesCloned": takes.astype(float)}


def minibatch(c, pixels, state, rng):
    x = rlpd.minibatch(c, pixels, state, rng)
    rate = c["actorDropout"]
    for name in ("policyDropout", "nextPolicyDropout"):
        x[name] = [
            np.float32((rng.uniform(0, 1, (1, rlpd.B, c["hiddenWidth"])) >= rate) / (1 - rate)).astype(np.float64)
            for _ in range(c["hiddenLayers"])
        ]
    return x


def make_update(name, pixels, state, changes, seed):
    """A cloning step on bytes as a dataset holds them; then a critic step and a full step at UTD 2."""
    rng = np.random.default_rng(seed)
    c = {**rlpd.BASE, "bcLoss": "mode", "proposalInverseTemperature": None, **changes}
    p = {**rlpd.initial(c, pixels, state, rng), **cloned_parameters(c, pixels, state, rng)}
    before = {k: rlpd.plain(v) for k, v in p.items()}
    prior = minibatch(c, pixels, state, rng)
    pixel_bytes = rng.integers(0, 256, (rlpd.B, rlpd.H, rlpd.H, rlpd.FRAMES)) if pixels else None
    if pixels:
        prior["image"] = pixel_bytes / 255
    batches = [minibatch(c, pixels, state, rng) for _ in range(2)]
    inputs = [{k: rlpd.plain(v) for k, v in x.items()} for x in batches]
    cloning = cloning_step(p, c, prior, 1)
    acted = act(p, c, batches[0])
    metrics = []
    for i, x in enumerate(batches):
        numbers, feats = rlpd.critic_step(p, c, x, 8 + i, next_value)
        metrics.append({**numbers, "imitationShare": x["imitationShare"]})
    metrics[1] |= rlpd.actor_step(p, c, batches[1], feats, 4)
    rlpd.write(
        f"ibrl-{name}",
        {
            "config": {**c, "algorithm": "ibrl"},
            "steps": {"critic": [8, 9], "actor": 4},
            "before": before,
            "prior": {
                "actions": rlpd.plain(prior["actions"]),
                **({"bytes": rlpd.plain(pixel_bytes)} if pixels else {}),
                **({"state": rlpd.plain(prior["state"])} if state else {}),
            },
            "minibatches": inputs,
            "acted": {k: rlpd.plain(v) for k, v in acted.items()},
            "after": {k: rlpd.plain(v) for k, v in p.items()},
            "metrics": [cloning, *metrics],
        },
    )


if __name__ == "__main__":
    for number, (case, (with_pixels, with_state, settings)) in enumerate(CASES.items()):
        make_update(case, with_pixels, with_state, settings, seed=number + 21)
