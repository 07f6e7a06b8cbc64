"""The data set readers of github.com/endernewton/iter-reason (00a0e36), loaded from a checkout.

The reference runs on Python 2: `xrange` is given to it here, and an image's address stays text. Everything else is its
code.
"""

import contextlib
import io
import types


def reference_readers(checkout, data):
    """The classes that read COCO, Visual Genome and ADE20K below the folder `data`."""

    def module(path, **names):
        made = types.ModuleType(path)
        made.__dict__.update(names)
        left_out = ("from utils", "from datasets", "import datasets", "from model", "from data.", "import scipy", "from __future__")
        with open(f"{checkout}/lib/{path}") as file:
            source = "\n".join(line for line in file.read().split("\n") if not line.startswith(left_out))
        exec(compile(source.replace(".encode('ascii')", ""), path, "exec"), made.__dict__)
        return made

    cfg = types.SimpleNamespace(DATA_DIR=data)
    imdb = module("datasets/imdb.py", xrange=range, cfg=cfg, DataLayer=None, get_minibatch=None, voc_ap=None)
    names = {"xrange": range, "cfg": cfg, "imdb": imdb.imdb, "ds_utils": module("datasets/ds_utils.py")}
    return (
        module("datasets/coco.py", **names).coco,
        module("datasets/visual_genome.py", **names).visual_genome,
        module("datasets/ade.py", **names).ade,
    )


def records(reader, *arguments):
    """Every image's size, boxes and classes, and the same mirrored."""
    with contextlib.redirect_stdout(io.StringIO()):
        db = reader(*arguments)
        count = db.num_images or len(db.roidb)
        roidb = db.roidb
        db.append_flipped_images()
    made = []
    for one, flipped in zip(roidb[:count], roidb[count:]):
        sides = [{"boxes": entry["boxes"].tolist(), "labels": entry["gt_classes"].tolist()} for entry in (one, flipped)]
        made.append({"width": int(one["width"]), "height": int(one["height"]), "plain": sides[0], "mirrored": sides[1]})
    return {"classes": list(db.classes), "images": made}
