"""Runs the authors' minibatch on made pictures, and their weighting of hard examples: golden/input.json.

    pip install tensorflow-cpu==2.21.0 opencv-python-headless==5.0.0.93 scipy==1.17.1
    python input.py ITER_REASON TF_SLIM

ITER_REASON is a checkout of github.com/endernewton/iter-reason (00a0e36), TF_SLIM one of
github.com/google-research/tf-slim (1287b1e; their modules ask for it, none of this uses it).
"""

import json
import os
import sys

import cv2
import numpy as np

import authors
from formula import uniform

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "input.json")
# Height, width, shorter side wanted, longest allowed. Sizes that come to halves, and limits that just do or do not bind.
PICTURES = [
    (60, 80, 90, 150),
    (75, 100, 60, 100),
    (120, 70, 60, 100),
    (50, 120, 75, 125),
    (40, 51, 60, 100),
    (40, 53, 60, 100),
    (48, 66, 60, 100),
    (32, 44, 60, 100),
    (64, 92, 150, 250),
    (64, 84, 150, 250),
    (80, 67, 60, 100),
    (40, 67, 60, 100),
    (67, 40, 60, 100),
    (37, 53, 60, 100),
    (33, 71, 90, 150),
    (1, 3, 4, 9),
    (360, 640, 600, 1000),
    (400, 667, 600, 1000),
    (683, 512, 600, 1000),
]
KEPT = 500


def pictures(minibatch, imdb, cfg):
    for height, width, target, longest in PICTURES:
        drawn = uniform(f"picture {height} {width}", (height, width, 3), 0, 255)
        minibatch.cv2.imread = lambda _, drawn=drawn: np.floor(drawn + 0.5).astype(np.uint8)
        cfg.TEST.SCALES, cfg.TEST.MAX_SIZE = (target,), longest
        x, y = width - 1, height - 1
        boxes = [[0, 0, x, y], [width // 4, height // 3, width // 2 + 1, height // 2 + 1], [width // 2, height // 2, x, y]]
        entry = {"width": width, "height": height, "boxes": np.array(boxes, np.uint16), "flipped": False, "seg_areas": None}
        db = object.__new__(imdb.imdb)
        db._roidb, db._image_index = [{**entry, "gt_classes": np.array([2, 1, 3])}], [0]
        db.append_flipped_images()
        for made in db.roidb:
            blobs = minibatch.get_minibatch([{**made, "image": ""}], is_training=False)
            flat = blobs["data"].reshape(-1)
            step = flat.size // KEPT | 1
            yield {
                "height": height,
                "width": width,
                "target": target,
                "max": longest,
                "flipped": made["flipped"],
                "boxesIn": boxes,
                "shape": list(blobs["data"].shape),
                "scale": float(blobs["im_info"][2]),
                "memory": blobs["memory_size"].tolist(),
                "boxes": [float(f"{v:.9g}") for v in blobs["gt_boxes"][:, :4].reshape(-1)],
                "step": step,
                "values": [float(f"{v:.7g}") for v in flat[::step]],
            }


def hard_examples(snippets, cfg):
    logits = uniform("hard examples", (12, 5), -5, 5).astype(np.float64)
    prob = np.exp(logits)
    prob /= prob.sum(1, keepdims=True)
    # On the threshold of beta 0.5, and certain.
    prob[3], prob[4] = [0, 0.5, 0.5, 0, 0], [0, 1, 0, 0, 0]
    prob, labels = prob.astype(np.float32), np.array([1, 2, 3, 1, 1, 4, 1, 2, 3, 4, 1, 2])
    for beta in (0.5, 0.3, 0.9):
        cfg.MEM.BETA = beta
        weights = snippets.update_weights(labels, prob)
        digits = [[float(f"{v:.9g}") for v in a.reshape(-1)] for a in (prob, weights)]
        yield {"beta": beta, "prob": digits[0], "labels": labels.tolist(), "weights": digits[1]}


def main(checkout, slim_checkout):
    made = authors.load(checkout, slim_checkout)
    from data import minibatch
    from datasets import imdb
    from model.config import cfg
    from utils import snippets

    golden = {
        "kind": "input",
        "made": f"{made}, opencv {cv2.__version__}",
        "cases": list(pictures(minibatch, imdb, cfg)),
        "hard": list(hard_examples(snippets, cfg)),
    }
    with open(GOLDEN, "w") as file:
        json.dump(golden, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
