"""Writes the golden values of the statistics over runs and tasks, from rliable itself.

    python3 make_statistics.py      (rliable 1.2.0, arch 7.2.0, pandas 2.3, SciPy 1.17, NumPy 2.4)

Point values are rliable's (SciPy's where tasks have different numbers of runs, which rliable cannot take). An
interval's end is the 2.5% or 97.5% quantile of the bootstrap's distribution; of 2,000 resamples, that quantile lies
between the distribution's quantiles at q - 4 s and q + 4 s, s = sqrt(q (1 - q) / 2000), in all but one case in
16,000, whatever the distribution. So beside its interval each statistic has the two intervals that bound it.
"""

import json
import pathlib

import numpy as np
import scipy.stats
from rliable import library, metrics

REPETITIONS = 50_000
RESAMPLES = 2000
TAIL = 0.025
SLACK = 4 * np.sqrt(TAIL * (1 - TAIL) / RESAMPLES)
THRESHOLDS = [0.0, 0.1, 0.25, 0.4, 0.5, 0.6, 0.75, 0.9, 1.0]

random = np.random.RandomState(7)


def scores(runs, centres, spread):
    drawn = [np.clip(random.normal(centre, spread, runs), 0, 1) for centre in centres]
    return np.round(np.stack(drawn, axis=1), 3)  # [runs, tasks]; rounded, so that there are ties


def intervals(arguments, statistic):
    def at(tail):
        np.random.seed(1)  # rliable draws from NumPy's global generator
        _, found = library.get_interval_estimates(
            {"it": arguments}, statistic, reps=REPETITIONS, confidence_interval_size=1 - 2 * tail
        )
        return found["it"].T.tolist()  # [statistics, 2]

    return {"interval": at(TAIL), "widest": at(TAIL - SLACK), "narrowest": at(TAIL + SLACK)}


def golden(arguments, statistic):
    value = statistic(*arguments) if isinstance(arguments, list) else statistic(arguments)
    return {"value": np.atleast_1d(value).tolist(), **intervals(arguments, statistic)}


x = scores(5, [0.15, 0.5, 0.85], 0.12)
y = scores(4, [0.12, 0.42, 0.9], 0.12)
curves = np.round(np.cumsum(random.uniform(0, 100, (6, 1, 8)), axis=2), 2)  # [seeds, one task, points]

ragged = [[0.1, 0.3, 0.2, 0.8, 0.4, 0.35], [0.9, 0.7], [0.5, 0.5, 0.6, 0.45]]
ragged_rival = [[0.2, 0.3], [0.7, 0.7, 0.95], [0.5]]

result = {
    "x": x.T.tolist(),
    "y": y.T.tolist(),
    "thresholds": THRESHOLDS,
    "curves": curves[:, 0].tolist(),
    "interquartileMean": golden(x, lambda s: np.array([metrics.aggregate_iqm(s)])),
    "mean": golden(x, lambda s: np.array([metrics.aggregate_mean(s)])),
    "median": golden(x, lambda s: np.array([metrics.aggregate_median(s)])),
    "improvement": golden([x, y], lambda s, t: np.array([metrics.probability_of_improvement(s, t)])),
    "profile": golden(x, lambda s: np.array([library.run_score_deviation(s, t) for t in THRESHOLDS])),
    "curveMean": golden(curves, lambda s: np.mean(s[:, 0], axis=0)),
    "curveInterquartileMean": golden(
        curves, lambda s: np.array([metrics.aggregate_iqm(s[..., point]) for point in range(s.shape[-1])])
    ),
    "ragged": {
        "x": ragged,
        "y": ragged_rival,
        "interquartileMean": scipy.stats.trim_mean(np.concatenate(ragged), 0.25),
        "mean": float(np.mean([np.mean(runs) for runs in ragged])),
        "median": float(np.median([np.mean(runs) for runs in ragged])),
        "improvement": float(
            np.mean(
                [
                    scipy.stats.mannwhitneyu(a, b, alternative="greater").statistic / (len(a) * len(b))
                    for a, b in zip(ragged, ragged_rival)
                ]
            )
        ),
    },
}
path = pathlib.Path(__file__).with_name("statistics.json")
path.write_text(json.dumps(result, indent=1) + "\n")
