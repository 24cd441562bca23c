"""Draws the states that poses.ts wrote, with the real suite: FOLDER/TASK.json becomes FOLDER/TASK-64.png and -84.png.

    MUJOCO_GL=osmesa python test/parity/draw_poses.py FOLDER     # packages: see make_golden.py

Each PNG is a strip of square pictures, one per state, from the top down.
"""
import json
import os
import sys
from pathlib import Path

os.environ.setdefault("MUJOCO_GL", "osmesa")

import numpy as np  # noqa: E402
from dm_control import suite  # noqa: E402
from PIL import Image  # noqa: E402

from make_golden import start  # noqa: E402


def main(folder):
    for path in sorted(Path(folder).glob("*.json")):
        recorded = json.loads(path.read_text())
        env = suite.load(*path.stem.split("-", 1))
        env.reset()
        rest = np.zeros_like(env.physics.data.qvel)
        for side in (64, 84):
            frames = []
            for pose in recorded["poses"]:
                start(env, pose["qpos"], rest, pose["edited"])
                frames.append(env.physics.render(side, side, camera_id=pose["camera"]))
            Image.fromarray(np.concatenate(frames)).save(path.with_name(f"{path.stem}-{side}.png"))
        print(path.stem, len(recorded["poses"]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
    sys.stdout.flush()
    os._exit(0)  # The OpenGL context cannot be freed once the interpreter shuts down.
