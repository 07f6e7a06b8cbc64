"""Masks: run lengths by pycocotools, and the target masks of the CLEVR-Ref+ reference's own preparation.

Run in this folder, with a checkout of github.com/ruotianluo/iep-ref (6fb7d66):
pip install numpy==2.4.6 pycocotools==2.0.11 opencv-python-headless==5.0.0 && python masks.py PATH_OF_THE_CHECKOUT
"""

import json
import os
import sys

import numpy as np
from pycocotools import mask as coco

sys.path.insert(0, os.path.join(sys.argv[1], "scripts"))
from clevr_ref_util import clevr_ref_util  # noqa: E402

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "masks.json")
rng = np.random.default_rng(20250104)


def blobs(height, width, count):
    """Discs and boxes, some over the border."""
    y, x = np.mgrid[:height, :width]
    out = np.zeros((height, width), np.uint8)
    for _ in range(count):
        cy, cx, r = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, min(height, width) / 4)
        out |= ((np.hypot(y - cy, x - cx) <= r) if rng.uniform() < 0.5 else (abs(y - cy) < r) & (abs(x - cx) < 2 * r)).astype(np.uint8)
    return out


def row_runs(mask):
    """Lengths of runs row by row, zeros first."""
    flat = mask.reshape(-1).astype(int)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flat, [1 - flat[-1]]])))
    return np.diff(np.concatenate([[0], edges])).tolist()


runs = []
for height, width in [(1, 1), (1, 37), (41, 1), (7, 5), (33, 64), (480, 641), (1537, 2049)]:
    for mask in [np.zeros((height, width), np.uint8), np.ones((height, width), np.uint8), blobs(height, width, 3), (rng.uniform(0, 1, (min(height, 40), width)) < 0.3).astype(np.uint8)]:
        if mask.size > 5000 and 0 < mask.mean() < 1 and mask.shape[0] == 40:
            continue
        encoded = coco.encode(np.asfortranarray(mask))
        columns = coco.encode(np.asfortranarray(mask.T))
        runs.append({
            "size": list(mask.shape), "counts": encoded["counts"].decode(), "area": int(coco.area(encoded)),
            # Row by row, as CLEVR-Ref+ has them: the same tool on the transposed mask. A first run of no zeros stays.
            "transposed": columns["counts"].decode(), "rows": ",".join(map(str, row_runs(mask))),
        })

scenes = []
for image in range(3):
    masks = [blobs(320, 480, 2) for _ in range(3)]
    # Visible pixels only: masks do not overlap.
    masks[1] &= 1 - masks[0]
    masks[2] &= 1 - (masks[0] | masks[1])
    obj_mask = {str(i + 1): ",".join(map(str, row_runs(m))) for i, m in enumerate(masks)}
    util = clevr_ref_util("", "")
    util.imgid_scenes = {0: {"obj_mask": obj_mask}}
    targets = []
    for objects, (height, width) in [([0], (320, 320)), ([0, 2], (320, 320)), ([1], (40, 60)), ([0, 1, 2], (160, 160)), ([2], (77, 91))]:
        refexp = {"image_index": 0, "image_filename": "", "program": [{"_output": objects}]}
        mask = util.get_mask_from_refexp(refexp, height, width)
        # As iep/data.py cuts what is read from the file.
        cut = np.asarray(mask, dtype=np.int64)
        targets.append({"objects": objects, "size": [height, width], "rows": ",".join(map(str, row_runs(cut)))})
    scenes.append({"obj_mask": obj_mask, "targets": targets})

with open(GOLDEN, "w") as file:
    json.dump({"madeBy": "pycocotools 2.0.11, ruotianluo/iep-ref 6fb7d66 with OpenCV 5.0.0", "runs": runs, "scenes": scenes}, file, separators=(",", ":"))
    file.write("\n")
print(os.path.getsize(GOLDEN), "bytes", len(runs))
