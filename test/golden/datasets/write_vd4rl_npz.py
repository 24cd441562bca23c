"""Writes small V-D4RL-like .npz files with NumPy, one for each quirk of the published ones.

    python3 write_vd4rl_npz.py        (NumPy 2.4.6)

Each image encodes its row t: pixel (0, 0) is (t, 7t mod 256, 255 - t); the rest is a ramp. Action row t is
(t / 16, -t / 16), reward row t is t / 4: row t holds what led to image t, and row 0 is not used.
"""
from pathlib import Path

import numpy as np

here = Path(__file__).parent / 'vd4rl'
SIZE = 8


def rows(n):
    t = np.arange(n)
    image = np.zeros((n, SIZE, SIZE, 3), np.uint8)
    image[:] = np.arange(SIZE * SIZE * 3, dtype=np.uint8).reshape(SIZE, SIZE, 3)
    image[:, 0, 0] = np.stack([t, 7 * t % 256, 255 - t], axis=1).astype(np.uint8)
    action = np.stack([t / 16, -t / 16], axis=1).astype(np.float32)
    action[0] = 0
    reward = (t / 4).astype(np.float32)
    reward[0] = 0
    flags = dict(
        discount=np.ones(n, np.float32),
        is_first=t == 0,
        is_last=t == n - 1,
        is_terminal=np.zeros(n, bool),
    )
    return dict(image=image, action=action, reward=reward, **flags)


def save(name, arrays, compressed=True):
    path = here / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (np.savez_compressed if compressed else np.savez)(path, **arrays)


# The two conventions of the length in a file's name: transitions, or rows. Neither is to be trusted.
save('walker_walk/expert/64px/20210901T000000-a-11.npz', rows(12))
save('walker_walk/expert/64px/20210901T000001-b-12.npz', rows(12))

# A set with proprioceptive arrays, float64 rewards and no discount.
extra = rows(10)
del extra['discount']
extra['reward'] = extra['reward'].astype(np.float64)
extra['height'] = np.arange(10, dtype=np.float64)
extra['orientations'] = np.arange(30, dtype=np.float32).reshape(10, 3)
save('extra/episode-9.npz', extra)

# Data of one row less than its flags, as in one published file.
short = rows(10)
for key in ('image', 'action', 'reward'):
    short[key] = short[key][:-1]
save('short/episode-10.npz', short)

# An old file: a terminal is a discount of zero, and there is no is_terminal.
old = rows(6)
del old['is_terminal']
old['discount'][-1] = 0
save('old/episode-6.npz', old)

# Not compressed, and Fortran-ordered actions cannot be told from C order where there is one column.
plain = rows(5)
plain['action'] = np.asfortranarray(plain['action'][:, :1])
save('stored/episode-5.npz', plain, compressed=False)

# Two episodes in one file; the first ends in a terminal.
two = rows(9)
two['is_first'][4] = True
two['is_terminal'][3] = True
save('two/episode-9.npz', two)

# Problems: an action out of range, a reward that is not finite, one reward too few, black images, objects.
bad = rows(8)
bad['action'][5, 1] = 1.25
save('bad/a-action.npz', bad)
bad = rows(8)
bad['reward'][4] = np.nan
save('bad/b-reward.npz', bad)
bad = rows(8)
bad['reward'] = bad['reward'][:-1]
save('bad/c-length.npz', bad)
bad = rows(8)
bad['image'][:] = 0
save('bad/d-black.npz', bad)
bad = rows(8)
bad['discount'] = np.array([{'pickled': 1}] * 8, dtype=object)
save('bad/e-objects.npz', bad)
save('bad/f-good.npz', rows(8))
