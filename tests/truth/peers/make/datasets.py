"""The reference's own data set readers on made-up annotations full of odd boxes: what they keep, and as what.

Run in this folder, with a checkout of github.com/endernewton/iter-reason (00a0e36):
pip install numpy==2.4.6 pycocotools==2.0.11 opencv-python-headless==5.0.0 && python datasets.py PATH_OF_THE_CHECKOUT

reference_datasets.py loads the readers. numpy 2 refuses to put negative numbers into 16-bit boxes; none get there.
"""

import json
import os
import sys
import tempfile

import numpy as np

from reference_datasets import records, reference_readers

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "datasets.json")
checkout = sys.argv[1]
rng = np.random.default_rng(20250103)
work = tempfile.mkdtemp()


coco, visual_genome, ade = reference_readers(checkout, work)


def put(path, text):
    path = os.path.join(work, path)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write(text)


def coordinate(size):
    """Inside, over an edge, or exactly on one; whole, in hundredths as COCO has them, or in between."""
    v = rng.choice([rng.uniform(-0.2, 1.2) * size, 0.0, float(size), size - 1.0, size - 0.5, -0.5])
    return float(rng.choice([round(v), round(v, 2), v]))


def extent(size):
    return float(rng.choice([rng.uniform(0, 1.3) * size, 0.0, 0.4, 1.0, 1.5, float(size), round(rng.uniform(0, size), 2)]))


# COCO: categories with holes, crowds, boxes without area, boxes over edges.
categories = [{"id": i, "name": name} for i, name in [(1, "person"), (2, "bicycle"), (13, "stop sign"), (90, "toothbrush")]]
images = [{"id": i, "file_name": f"COCO_val2014_{i:012d}.jpg", "width": w, "height": h} for i, w, h in [(9, 40, 30), (4, 17, 23), (6, 64, 48)]]
annotations = []
for image in images[:2]:
    for _ in range(60):
        w, h = image["width"], image["height"]
        annotations.append({
            "id": len(annotations) + 1, "image_id": image["id"], "category_id": int(rng.choice([1, 2, 13, 90])),
            "bbox": [coordinate(w), coordinate(h), extent(w), extent(h)],
            "area": float(rng.choice([0, 0.3, 12.5, 80], p=[0.1, 0.3, 0.3, 0.3])), "iscrowd": int(rng.uniform() < 0.2),
        })
rng.shuffle(annotations)
instances = {"images": images, "annotations": annotations, "categories": categories}
put("coco/annotations/instances_val2014.json", json.dumps(instances))
of_coco = records(coco, "val", "2014")

# Visual Genome: several synsets an object, unknown and rare ones, fractions too.
synsets = ["tree.n.01:900", "man.n.01:412", "dog.n.01:5", "cat.n.01:4", "sky.n.01:77"]
pictures = [{"image_id": i, "url": f"https://cs.stanford.edu/people/rak248/VG_100K{part}/{i}.jpg", "width": w, "height": h} for i, part, w, h in [(5, "_2", 40, 30), (2, "", 17, 23), (8, "_2", 30, 20)]]
known = ["tree.n.01", "man.n.01", "dog.n.01", "cat.n.01", "sky.n.01", "odd.n.09"]
objects = []
for picture in pictures[:2]:
    w, h = picture["width"], picture["height"]
    objects.append({"image_id": picture["image_id"], "objects": [
        {"x": coordinate(w), "y": coordinate(h), "w": extent(w), "h": extent(h), "synsets": rng.choice(known, rng.integers(0, 4)).tolist()}
        for _ in range(60)
    ]})
put("visual_genome/synsets.txt", "\n".join(synsets) + "\n")
put("visual_genome/val.json", json.dumps(objects))
put("visual_genome/image_data.json", json.dumps(pictures))
of_vg = records(visual_genome, "val")

# ADE20K: maps with holes in their values, parts of parts, names that are no class, instances without pixels, a map
# without a pixel of background, and files whose lines are out of order.
import cv2  # noqa: E402

vocabulary = {"-": 1, "arm chair": 9, "car": 5, "hub": 4, "left arm": 20, "person": 7, "right arm": 20, "wheel": 30}
put("ADE/objectnames.txt", "".join(f"{name} \n" for name in vocabulary))
put("ADE/objectcounts.txt", "".join(f"{count}\n" for count in vocabulary.values()))
listed, scenes = [], []
for i in range(4):
    width, height = (9, 7) if i % 2 else (6, 11)
    path = f"images/validation/s/street/ADE_val_{i + 1:08d}"
    lines, maps = [], []
    for level in range(3 if i < 3 else 1):
        values = np.sort(rng.choice(np.arange(1, 256), 6, replace=False))
        map_ = rng.choice(values if i == 3 else np.append(values, [0, 0, 0]), (height, width))
        maps.append(map_.tolist())
        for number in range(1, 9):
            lines.append(f"{number:03d} # {level} # 0 # car, auto # {rng.choice(list(vocabulary))} # \"a # b\"\n")
    rng.shuffle(lines)
    for level, map_ in enumerate(maps):
        picture = np.zeros((height, width, 3), np.uint8)
        picture[..., 0], picture[..., 1] = np.asarray(map_), 7
        os.makedirs(os.path.dirname(os.path.join(work, "ADE", path)), exist_ok=True)
        cv2.imwrite(os.path.join(work, "ADE", f"{path}_seg.png" if level == 0 else f"{path}_parts_{level}.png"), picture)
    put(f"ADE/{path}_atr.txt", "".join(lines))
    listed.append(f"{path}.jpg")
    scenes.append({"path": path, "maps": maps, "attributes": "".join(lines)})
put("ADE/mval.txt", "".join(f"{path}\n" for path in listed))
of_ade = records(ade, "mval")

with open(GOLDEN, "w") as file:
    json.dump({
        "madeBy": "endernewton/iter-reason 00a0e36",
        "coco": {"instances": instances, **of_coco},
        "vg": {"synsets": synsets, "pictures": pictures, "objects": objects, **of_vg},
        "ade": {"vocabulary": vocabulary, "scenes": scenes, **of_ade},
    }, file, separators=(",", ":"))
    file.write("\n")
print(os.path.getsize(GOLDEN), "bytes")
