"""Runs the authors' evaluation on made tables of scores: tests/truth/iter-reason/golden/metrics.json.

    pip install tensorflow-cpu==2.21.0 opencv-python-headless==5.0.0.93 scipy==1.17.1
    python metrics.py ITER_REASON TF_SLIM

ITER_REASON is a checkout of github.com/endernewton/iter-reason (00a0e36), TF_SLIM one of
github.com/google-research/tf-slim (1287b1e; their modules ask for it, the evaluation does not use it). Their sort is not
stable, so what it does with equal scores depends on the numpy at hand: a stable one is put in its place, as ours is.
"""

import contextlib
import io
import json
import os
import sys

import numpy as np

import authors
from formula import uniform

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "metrics.json")
# Name, instances, classes, steps that scores are rounded down to (0: none).
TABLES = [("plain", 400, 60, 0), ("tied", 400, 60, 16), ("few", 11, 200, 4), ("one class", 40, 9, 0)]


class StableNumpy:
    def __getattr__(self, name):
        return getattr(np, name)

    @staticmethod
    def argsort(a):
        return np.argsort(a, kind="stable")


def main(checkout, slim_checkout):
    made = authors.load(checkout, slim_checkout)
    from datasets import imdb

    imdb.np = StableNumpy()
    tables = []
    for name, n, classes, levels in TABLES:
        draw = uniform(f"{name} labels", (n,), 0, 1).astype(np.float64)
        # Low classes crowd, some have no instance at all.
        labels = 1 + np.floor(draw**3 * (classes - 1)).astype(int)
        if name == "one class":
            labels[:] = 4
        scores = uniform(f"{name} scores", (n, classes), 0, 1)
        scores[np.arange(n), labels] += np.float32(0.25)
        if levels:
            scores = (np.floor(scores * levels) / levels).astype(np.float32)
        db = object.__new__(imdb.imdb)
        db._classes = [f"c{i}" for i in range(classes)]
        roidb = [{"gt_classes": labels}]
        with contextlib.redirect_stdout(io.StringIO()):
            figures = db.evaluate([scores], None, roidb=roidb)
            acs, aps = db.evaluate_detail([scores], None, roidb=roidb)
        tables.append(
            {
                "name": name,
                "n": n,
                "classes": classes,
                "levels": levels,
                "labels": labels.tolist(),
                "result": [float(v) for v in figures],
                "acs": [float(v) for v in acs],
                "aps": [float(v) for v in aps],
            }
        )
    with open(GOLDEN, "w") as file:
        json.dump({"kind": "metrics", "made": f"{made}, numpy {np.__version__}", "tables": tables}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
