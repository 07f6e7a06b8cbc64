"""Overlaps of boxes by pycocotools; corners are inclusive pixels, as in github.com/endernewton/iter-reason's bbox.pyx.

Run in this folder: pip install numpy==2.4.6 pycocotools==2.0.11 && python boxes.py
"""

import json
import os

import numpy as np
from pycocotools import mask

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "boxes.json")
rng = np.random.default_rng(20250108)
corners = np.sort(rng.integers(0, 40, (9, 2, 2)), axis=1).reshape(9, 4)
# Touching ones, one of a single pixel, one inside another.
corners = np.concatenate([corners, [[0, 0, 9, 9], [10, 0, 19, 9], [9, 9, 9, 9], [2, 3, 5, 6]]]).astype(float)
sizes = np.concatenate([corners[:, :2], corners[:, 2:] - corners[:, :2] + 1], 1)
overlaps = mask.iou(sizes, sizes, [0] * len(sizes))
with open(GOLDEN, "w") as file:
    json.dump({"madeBy": "pycocotools 2.0.11", "boxes": corners.astype(int).tolist(), "overlaps": overlaps.tolist()}, file, separators=(",", ":"))
    file.write("\n")
