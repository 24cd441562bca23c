"""Writes small sources of formats whose row t holds observation t and the action chosen on it.

    python3 write_followers.py        (h5py 3.16.0, minari 0.5.4, zarr 3.1.6, pyarrow 26.0.1,
                                     tfrecord 1.14.6, Pillow 13.0.0, NumPy 2.4.6)

The rule of all: image t is a ramp with pixel (0, 0) = (t, 7t mod 256, 255 - t). Row t holds action
((t + 1) / 16, -(t + 1) / 16) and reward (t + 1) / 4, which lead to image t + 1; state row t is (t, t / 2, -t).
JPEG cannot keep a pixel: there, image t is grey, 10 t on the left and 10 t + 7 on the right.
"""
import io
import json
import os
import shutil
import subprocess
from pathlib import Path

import gymnasium as gym
import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tfrecord
import zarr
from PIL import Image

here = Path(__file__).parent
SIZE = 8


def images(n):
    t = np.arange(n)
    image = np.zeros((n, SIZE, SIZE, 3), np.uint8)
    image[:] = np.arange(SIZE * SIZE * 3, dtype=np.uint8).reshape(SIZE, SIZE, 3)
    image[:, 0, 0] = np.stack([t, 7 * t % 256, 255 - t], axis=1).astype(np.uint8)
    return image


def grey(n, size=SIZE):
    t, column = np.arange(n, dtype=np.uint8), np.arange(size, dtype=np.uint8) // (size // 8)
    return np.broadcast_to((10 * t[:, None, None, None] + column[None, None, :, None]), (n, size, size, 3)).copy()


def actions(n):
    t = np.arange(1, n + 1)
    return np.stack([t / 16, -t / 16], axis=1).astype(np.float32)


def rewards(n):
    return np.arange(1, n + 1) / 4


def states(n):
    t = np.arange(n)
    return np.stack([t, t / 2, -t], axis=1).astype(np.float32)


def fresh(name):
    folder = here / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def robomimic():
    with h5py.File(fresh('robomimic') / 'demo.hdf5', 'w') as file:
        data = file.create_group('data')
        data.attrs['env_args'] = json.dumps({'env_name': 'Lift', 'type': 1, 'env_kwargs': {}})
        data.attrs['total'] = 12
        for name, n in (('demo_10', 5), ('demo_2', 4), ('demo_0', 3)):
            demo = data.create_group(name)
            demo.attrs['num_samples'] = n
            demo['actions'] = actions(n).astype(np.float64)
            demo['rewards'] = rewards(n)
            demo['dones'] = (np.arange(n) == n - 1).astype(np.int64)
            for part, rows in (('obs', slice(0, n)), ('next_obs', slice(1, n + 1))):
                demo[f'{part}/agentview_image'] = images(n + 1)[rows]
                demo[f'{part}/robot0_eef_pos'] = states(n + 1)[rows]
        file['mask/train'] = np.array([b'demo_0', b'demo_10'])


def minari_datasets():
    os.environ['MINARI_DATASETS_PATH'] = str(fresh('minari'))
    import minari
    from minari.data_collector.episode_buffer import EpisodeBuffer

    image_space = gym.spaces.Box(0, 255, (SIZE, SIZE, 3), np.uint8)
    action_space = gym.spaces.Box(-1, 1, (2,), np.float32)
    spaces = {
        'box': image_space,
        'dict': gym.spaces.Dict({'pixels': gym.spaces.Box(0, 255, (32, 32, 3), np.uint8), 'state': gym.spaces.Box(-99, 99, (3,), np.float32)}),
        'tuple': gym.spaces.Tuple((gym.spaces.Box(-99, 99, (3,), np.float32), image_space)),
    }
    for kind, space in spaces.items():
        buffers = []
        for number, n in enumerate((4, 6)):
            picture = grey(n + 1, 32) if kind == 'dict' else images(n + 1)
            observations = {
                'box': picture,
                'dict': {'pixels': picture, 'state': states(n + 1)},
                'tuple': (states(n + 1), picture),
            }[kind]
            last = np.arange(n) == n - 1
            buffers.append(
                EpisodeBuffer(
                    id=number,
                    observations=observations,
                    actions=actions(n),
                    rewards=rewards(n),
                    terminations=last & (number == 0),
                    truncations=last & (number == 1),
                )
            )
        # JPEG rows for the Dict, as newer versions do by default for 32 px and more; raw arrays for the others.
        minari.create_dataset_from_buffers(
            f'{kind}-v0', buffers, observation_space=space, action_space=action_space, data_format='hdf5',
            jpeg_encoding=kind == 'dict',
        )


def zarr_store():
    for ending, n_float in (('store.zarr', False), ('store.zarr.zip', True)):
        folder = fresh('zarr') if not n_float else here / 'zarr'
        path = folder / ending
        store = zarr.storage.ZipStore(path, mode='w') if n_float else str(path)
        root = zarr.group(store=store, zarr_format=2)
        lengths = (5, 4)
        picture = np.concatenate([images(n) for n in lengths])
        for key, values in (
            ('data/img', picture.astype(np.float32) if n_float else picture),
            ('data/state', np.concatenate([states(n) for n in lengths])),
            ('data/action', np.concatenate([actions(n) for n in lengths]) * 16),
            ('meta/episode_ends', np.cumsum(lengths)),
        ):
            array = root.create_array(
                key, shape=values.shape, dtype=values.dtype, chunks=(3, *values.shape[1:])
            )
            array[:] = values
        if n_float:
            store.close()


def frames():
    folder = fresh('frames')
    for name, n, ending in (('a', 4, 'png'), ('b', 3, 'jpg')):
        (folder / name).mkdir()
        picture = images(n + 1) if ending == 'png' else grey(n + 1)
        for t in range(n + 1):
            Image.fromarray(picture[t]).save(folder / name / f'{t + 8}.{ending}')
    rows = [f'{a[0]},{a[1]},{r},{int(t == 3)}' for t, (a, r) in enumerate(zip(actions(4), rewards(4)))]
    (folder / 'a' / 'steps.csv').write_text('action_0,action_1,reward,terminated\n' + '\n'.join(rows) + '\n')
    lines = [json.dumps({'action': a.tolist(), 'reward': r}) for a, r in zip(actions(3), rewards(3))]
    (folder / 'b' / 'steps.jsonl').write_text('\n'.join(lines) + '\n')


def png(image):
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, 'PNG')
    return buffer.getvalue()


def rlds():
    writer = tfrecord.TFRecordWriter(str(fresh('rlds') / 'robot-train.tfrecord-00000-of-00001'))
    for number, n in enumerate((5, 4)):
        last = np.arange(n) == n - 1
        writer.write({
            'steps/observation/image': ([png(i) for i in images(n)], 'byte'),
            'steps/observation/pose': (states(n).reshape(-1).tolist(), 'float'),
            'steps/observation/instruction': ([b'go'] * n, 'byte'),
            'steps/action': (actions(n).reshape(-1).tolist(), 'float'),
            'steps/reward': (rewards(n).tolist(), 'float'),
            'steps/is_first': ((np.arange(n) == 0).astype(int).tolist(), 'int'),
            'steps/is_last': (last.astype(int).tolist(), 'int'),
            'steps/is_terminal': ((last & (number == 0)).astype(int).tolist(), 'int'),
        })
    writer.close()


def lerobot():
    folder = fresh('lerobot')
    for version, names in (('v2.1', [(0,), (1,)]), ('v3.0', [(0, 1)])):
        root = folder / version
        (root / 'meta').mkdir(parents=True)
        features = {
            'observation.image': {'dtype': 'image', 'shape': [SIZE, SIZE, 3], 'names': ['height', 'width', 'channel']},
            'observation.state': {'dtype': 'float32', 'shape': [3], 'names': None},
            'action': {'dtype': 'float32', 'shape': [2], 'names': None},
            'next.reward': {'dtype': 'float32', 'shape': [1], 'names': None},
            'next.done': {'dtype': 'bool', 'shape': [1], 'names': None},
        }
        (root / 'meta' / 'info.json').write_text(
            json.dumps({'codebase_version': version, 'fps': 10, 'total_episodes': 2, 'features': features})
        )
        for file_number, episodes in enumerate(names):
            rows = []
            for episode in episodes:
                n = (4, 5)[episode]
                for t in range(n):
                    rows.append({
                        'observation.image': {'bytes': png(images(n)[t]), 'path': f'frame_{t:06d}.png'},
                        'observation.state': states(n)[t].tolist(),
                        'action': actions(n)[t].tolist(),
                        'next.reward': float(rewards(n)[t]),
                        'next.done': episode == 0 and t == n - 1,
                        'episode_index': episode,
                        'frame_index': t,
                    })
            name = f'episode_{file_number:06d}' if version == 'v2.1' else f'file-{file_number:03d}'
            path = root / 'data' / 'chunk-000' / f'{name}.parquet'
            path.parent.mkdir(parents=True, exist_ok=True)
            schema = pa.schema([
                ('observation.image', pa.struct([('bytes', pa.binary()), ('path', pa.string())])),
                ('observation.state', pa.list_(pa.float32(), 3)),
                ('action', pa.list_(pa.float32(), 2)),
                ('next.reward', pa.float32()),
                ('next.done', pa.bool_()),
                ('episode_index', pa.int64()),
                ('frame_index', pa.int64()),
            ])
            pq.write_table(pa.Table.from_pylist(rows, schema=schema), path)


def lerobot_video():
    """Two episodes in one H.264 file, as v3 keeps them; episode 1 is 40 levels brighter. ffmpeg 7 must be there."""
    size, fps, lengths = 32, 10, (5, 6)
    root = here / 'lerobot' / 'video'
    shutil.rmtree(root, ignore_errors=True)
    camera = 'observation.images.top'
    video = root / 'videos' / camera / 'chunk-000' / 'file-000.mp4'
    for folder in (video.parent, root / 'meta' / 'episodes' / 'chunk-000', root / 'data' / 'chunk-000'):
        folder.mkdir(parents=True)
    frames = np.concatenate([grey(n, size) // 2 + 40 * i for i, n in enumerate(lengths)]).astype(np.uint8)
    subprocess.run(
        ['ffmpeg', '-v', 'error', '-f', 'rawvideo', '-pix_fmt', 'rgb24', '-s', f'{size}x{size}', '-r', str(fps), '-i', '-',
         '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', '2', '-crf', '10', str(video)],
        input=frames.tobytes(), check=True,
    )
    features = {
        camera: {'dtype': 'video', 'shape': [size, size, 3], 'names': ['height', 'width', 'channels']},
        'action': {'dtype': 'float32', 'shape': [2], 'names': None},
        'next.reward': {'dtype': 'float32', 'shape': [1], 'names': None},
    }
    (root / 'meta' / 'info.json').write_text(
        json.dumps({'codebase_version': 'v3.0', 'fps': fps, 'total_episodes': 2, 'features': features})
    )
    firsts = np.cumsum((0,) + lengths)
    pq.write_table(
        pa.table({
            'episode_index': [0, 1],
            f'videos/{camera}/chunk_index': [0, 0],
            f'videos/{camera}/file_index': [0, 0],
            f'videos/{camera}/from_timestamp': [first / fps for first in firsts[:-1]],
        }),
        root / 'meta' / 'episodes' / 'chunk-000' / 'file-000.parquet',
    )
    pq.write_table(
        pa.table({
            'action': pa.array([a.tolist() for n in lengths for a in actions(n)], pa.list_(pa.float32())),
            'next.reward': pa.array([float(r) for n in lengths for r in rewards(n)], pa.float32()),
            'episode_index': [i for i, n in enumerate(lengths) for _ in range(n)],
        }),
        root / 'data' / 'chunk-000' / 'file-000.parquet',
    )


robomimic()
rlds()
lerobot()
lerobot_video()
minari_datasets()
zarr_store()
frames()
