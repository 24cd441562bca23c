"""Datasets to and from LeRobot's own library: what it reads of our exports, and what we read of its recordings.

    python3 exchange_lerobot.py      (for v3 lerobot 0.4.4 and datasets 4.8.5, for v2.1 lerobot 0.3.3 and datasets
                                     3.6.0; torch 2.4.1, torchvision 0.19.1, av 15.1.0, NumPy 2.2.6; a built rlpd,
                                     and ffmpeg)

Prints a line for each comparison and stops at the first that fails. Nothing of it is committed: the library is too
large for a test.
"""
import json
import os
import subprocess
import tempfile
from pathlib import Path

os.environ['HF_HUB_OFFLINE'] = '1'
import numpy as np
from lerobot.datasets.lerobot_dataset import CODEBASE_VERSION, LeRobotDataset

is_v3 = CODEBASE_VERSION.startswith('v3')
rlpd = Path(__file__).parents[3] / 'dist' / 'scripts' / 'rlpd.js'
SIZE = 64
STEPS = (7, 12, 5)
ACTIONS, STATES = 6, 3


def run(*arguments):
    done = subprocess.run(['node', rlpd, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def episode(number, steps):
    """A picture that moves smoothly, so that a video can hold it; actions and rewards follow the step."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = np.stack(
        [np.stack([(x * 2 + 5 * t) % 200, y * 3, 0 * x + 40 * number + 3 * t], -1) for t in range(steps + 1)]
    ).astype(np.uint8)
    action = np.sin(np.arange(steps * ACTIONS).reshape(steps, ACTIONS) + number).astype(np.float32)
    reward = (np.arange(steps) / 8 + number).astype(np.float32)
    state = np.cos(np.arange((steps + 1) * STATES).reshape(-1, STATES) - number).astype(np.float32)
    return image, action, reward, state


def write_npz(folder):
    for number, steps in enumerate(STEPS):
        image, action, reward, state = episode(number, steps)
        led = np.concatenate([np.zeros((1, ACTIONS), np.float32), action])
        ends = np.arange(steps + 1) == steps
        np.savez_compressed(
            folder / f'{number:06d}-{steps}.npz',
            image=image,
            action=led,
            reward=np.concatenate([[0], reward]).astype(np.float32),
            discount=1 - ends.astype(np.float32) * (number == 1),
            is_first=np.arange(steps + 1) == 0,
            is_last=ends,
            is_terminal=ends & (number == 1),
            pose=state,
        )


def pixels(item, key='observation.image'):
    """LeRobot hands out [C, H, W] in [0, 1]."""
    return np.round(item[key].numpy().transpose(1, 2, 0) * 255).astype(np.uint8)


def read_export(folder):
    source, ours, exported = folder / 'npz', folder / 'ours', folder / 'exported'
    source.mkdir()
    write_npz(source)
    run('convert', 'vd4rl', source, '--task', 'walker-walk', '--state', 'pose', '--out', ours)
    run('dataset', 'export', 'lerobot', ours, '--out', exported)
    dataset = LeRobotDataset('local/export', root=exported, delta_timestamps={'action': [0.0, 0.05]})
    # walker's control step is 0.025 s, the action repeat 2.
    assert dataset.fps == 20, dataset.fps
    assert dataset.num_episodes == len(STEPS) and dataset.num_frames == sum(n + 1 for n in STEPS)
    row = 0
    for number, steps in enumerate(STEPS):
        image, action, reward, state = episode(number, steps)
        entry = dataset.meta.episodes[number]
        assert (entry['dataset_from_index'], entry['dataset_to_index']) == (row, row + steps + 1)
        assert entry['tasks'] == ['walker-walk']
        for t in range(steps + 1):
            item = dataset[row]
            assert (pixels(item) == image[t]).all()
            assert (item['observation.state'].numpy() == state[t]).all()
            assert int(item['episode_index']) == number and int(item['frame_index']) == t
            assert abs(float(item['timestamp']) - t / 20) < 1e-5 and item['task'] == 'walker-walk'
            # This action and the next one, held at the episode's end.
            assert (item['action'][0].numpy() == action[min(t, steps - 1)]).all()
            assert (item['action'][1].numpy() == action[min(t + 1, steps - 1)]).all()
            assert bool(item['action_is_pad'][1]) == (t == steps)
            assert float(item['next.reward']) == (reward[t] if t < steps else 0)
            assert bool(item['next.done']) == (number == 1 and t == steps - 1)
            assert bool(item['next.truncated']) == (number != 1 and t == steps - 1)
            row += 1
    mean = np.concatenate([episode(n, s)[0] for n, s in enumerate(STEPS)]).mean((0, 1, 2)) / 255
    assert np.abs(dataset.meta.stats['observation.image']['mean'].ravel() - mean).max() < 1e-3
    part = LeRobotDataset('local/export', root=exported, episodes=[1])
    assert len(part) == STEPS[1] + 1 and (pixels(part[0]) == episode(1, STEPS[1])[0][0]).all()
    print(f'our export in LeRobot: {row} rows equal')


def record(root, video, codec):
    dtype = 'video' if video else 'image'
    dataset = LeRobotDataset.create(
        'local/recorded',
        fps=20,
        root=root,
        use_videos=video,
        **({'vcodec': codec} if codec else {}),
        features={
            'observation.image': {'dtype': dtype, 'shape': (SIZE, SIZE, 3), 'names': ['height', 'width', 'channels']},
            'observation.state': {'dtype': 'float32', 'shape': (STATES,), 'names': None},
            'action': {'dtype': 'float32', 'shape': (ACTIONS,), 'names': None},
            'next.reward': {'dtype': 'float32', 'shape': (1,), 'names': None},
            'next.done': {'dtype': 'bool', 'shape': (1,), 'names': None},
        },
    )
    for number, steps in enumerate(STEPS):
        image, action, reward, state = episode(number, steps)
        for t in range(steps):
            frame = {
                'observation.image': image[t],
                'observation.state': state[t],
                'action': action[t],
                'next.reward': reward[t : t + 1],
                'next.done': np.array([number == 1 and t == steps - 1]),
            }
            dataset.add_frame({**frame, 'task': 'reach'}) if is_v3 else dataset.add_frame(frame, 'reach')
        dataset.save_episode()
    if is_v3:
        dataset.finalize()


def convert_recording(folder, name, video, codec=None):
    recorded, ours, back = (folder / f'{name}{part}' for part in ('', '-ours', '-back'))
    record(recorded, video, codec)
    dataset = LeRobotDataset('local/recorded', root=recorded, **({'video_backend': 'pyav'} if video else {}))
    if video:
        stream = dataset.meta.info['features']['observation.image']['info']['video.codec']
        assert stream == (codec or 'av1'), stream
    run('convert', 'lerobot', recorded, '--state', 'observation.state', '--out', ours)
    assert json.loads((ours / 'manifest.json').read_text())['provenance']['lossy'] == video
    run('dataset', 'export', 'vd4rl', ours, '--out', back)
    files = sorted(back.glob('*.npz'))
    assert len(files) == len(STEPS), files
    row, worst = 0, 0
    for number, (path, rows) in enumerate(zip(files, STEPS)):
        _, action, reward, state = episode(number, rows)
        with np.load(path) as arrays:
            # Done in its last row, an episode keeps that row's action, and its last image twice.
            steps = rows if number == 1 else rows - 1
            assert arrays['image'].shape[0] == steps + 1, (arrays['image'].shape, steps)
            assert (arrays['action'][1:] == action[:steps]).all() and (arrays['reward'][1:] == reward[:steps]).all()
            for t in range(rows):
                difference = np.abs(arrays['image'][t].astype(int) - pixels(dataset[row + t])).mean()
                worst = max(worst, difference)
            assert (arrays['is_terminal'].any()) == (number == 1)
        row += rows
    # Two decoders round the colours of one video differently; frames that are one apart differ by 4 levels and more.
    assert worst == 0 if not video else worst < 1.5, worst
    what = f'{row} rows, the mean difference of an image from LeRobot\'s is {worst:.3g} at most'
    print(f'LeRobot {CODEBASE_VERSION} with {name} in ours: {what}')


with tempfile.TemporaryDirectory() as temporary:
    folder = Path(temporary)
    # What is exported is v3, and v2.1's library encodes AV1 alone.
    if is_v3:
        read_export(folder)
        convert_recording(folder, 'h264', video=True, codec='h264')
    convert_recording(folder, 'av1', video=True)
    convert_recording(folder, 'images', video=False)
