"""Writes two small V-D4RL-like .hdf5 shards with h5py: episodes one after the other, the second begins inside one.

    python3 write_vd4rl_hdf5.py        (h5py 3.16.0, NumPy 2.4.6)

Over both files rows count t = 0, 1, ...: image t is CHW with pixel (0, 0) = (t, 7t mod 256, 255 - t), action row t
is (t / 32, -t / 32), reward row t is t / 4: row t holds what led to image t.
"""
from pathlib import Path

import h5py
import numpy as np

here = Path(__file__).parent / 'vd4rl-hdf5'
here.mkdir(exist_ok=True)
SIZE = 8
LENGTHS = [6, 5, 7, 4]  # rows of each episode; the second file begins after row 13, inside the third
t = np.arange(sum(LENGTHS))
observation = np.zeros((len(t), 3, SIZE, SIZE), np.uint8)
observation[:] = np.arange(SIZE * SIZE * 3, dtype=np.uint8).reshape(SIZE, SIZE, 3).transpose(2, 0, 1)
observation[:, :, 0, 0] = np.stack([t, 7 * t % 256, 255 - t], axis=1)
ends = np.cumsum(LENGTHS)
step_type = np.ones(len(t), np.float64)  # Published files keep it as float64.
step_type[np.concatenate([[0], ends[:-1]])] = 0
step_type[ends - 1] = 2
discount = np.ones(len(t), np.float32)
discount[-1] = 0  # The last episode is terminated, the others run into the time limit.
for name, part in (('shard_0_20.hdf5', slice(0, 14)), ('shard_1_20.hdf5', slice(14, None))):
    with h5py.File(here / name, 'w') as file:
        for key, values in dict(
            observation=observation,
            action=np.stack([t / 32, -t / 32], axis=1).astype(np.float32),
            reward=(t / 4).astype(np.float64),
            discount=discount,
            step_type=step_type,
        ).items():
            file.create_dataset(key, data=values[part], compression='gzip')
