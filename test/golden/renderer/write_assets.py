"""Writes the meshes and the picture that meshes.xml names.

    python test/golden/renderer/write_assets.py     # numpy, pillow

torus.obj has normals and texture coordinates of its own, gem.stl and wedge.stl have flat sides, tiles.png
tells its corners apart.
"""
import struct
from pathlib import Path

import numpy as np
from PIL import Image

FOLDER = Path(__file__).parent / "assets"


def torus(path, around=48, across=24, radius=0.12, tube=0.045):
    lines = []
    for i in range(around + 1):
        for j in range(across + 1):
            a, b = 2 * np.pi * i / around, 2 * np.pi * j / across
            outward = np.array([np.cos(a) * np.cos(b), np.sin(a) * np.cos(b), np.sin(b)])
            point = radius * np.array([np.cos(a), np.sin(a), 0]) + tube * outward
            lines.append("v " + " ".join(f"{x:.6f}" for x in point))
            lines.append("vn " + " ".join(f"{x:.6f}" for x in outward))
            lines.append(f"vt {4 * i / around:.6f} {j / across:.6f}")
    for i in range(around):
        for j in range(across):
            a = i * (across + 1) + j + 1
            b, c, d = a + across + 1, a + across + 2, a + 1
            for corners in ((a, b, c), (a, c, d)):
                lines.append("f " + " ".join(f"{v}/{v}/{v}" for v in corners))
    path.write_text("\n".join(lines) + "\n")


def gem():
    """An eight-sided double pyramid."""
    ring = [(0.09 * np.cos(a), 0.09 * np.sin(a), 0) for a in np.arange(8) * np.pi / 4]
    top, bottom = (0, 0, 0.14), (0, 0, -0.07)
    return [t for i in range(8) for t in ((ring[i], ring[(i + 1) % 8], top), (ring[(i + 1) % 8], ring[i], bottom))]


def wedge():
    a, b, c = (-0.08, -0.06, -0.05), (0.08, -0.06, -0.05), (-0.08, -0.06, 0.07)
    d, e, f = ((x, 0.06, z) for x, _, z in (a, b, c))
    return [(a, b, c), (d, f, e), (a, d, e), (a, e, b), (b, e, f), (b, f, c), (a, c, f), (a, f, d)]


def normal(triangle):
    a, b, c = np.array(triangle)
    n = np.cross(b - a, c - a)
    return n / np.linalg.norm(n)


def binary_stl(path, triangles):
    content = bytes(80) + struct.pack("<I", len(triangles))
    for triangle in triangles:
        content += struct.pack("<12fH", *normal(triangle), *np.ravel(triangle), 0)
    path.write_bytes(content)


def tiles(path, side=64):
    y, x = np.mgrid[:side, :side]
    checks = ((x // 8 + y // 8) % 2)[..., None]
    ramp = np.stack([x * 255 // side, y * 255 // side, 255 - x * 255 // side], axis=-1)
    picture = np.where(checks, ramp, 255 - ramp // 2).astype(np.uint8)
    picture[:16, :16] = [255, 255, 0]
    Image.fromarray(picture).save(path, optimize=True)


FOLDER.mkdir(exist_ok=True)
torus(FOLDER / "torus.obj")
binary_stl(FOLDER / "gem.stl", gem())
binary_stl(FOLDER / "wedge.stl", wedge())
tiles(FOLDER / "tiles.png")
