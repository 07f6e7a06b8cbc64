"""The authors' executor, visibility and preprocessing on small random sets.

    python data.py CHECKOUT GENERATOR        # makes ../golden/scenes.json, executor.json and preprocess.json

CHECKOUT is ccvl/iep-ref at 6fb7d66, GENERATOR ccvl/clevr-refplus-dataset-gen at a024ce4. Made with Python 3.11, NumPy 2.4,
h5py 3 and OpenCV 5.0. The executor is Python 2: a parameter that is a tuple is unpacked as Python 3 has it, and the sets
that visibility gives are sorted, as they have no order. Preprocessing is run as it is.
"""

import contextlib
import hashlib
import io
import json
import random
import runpy
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np

from common import write

CHECKOUT, GENERATOR = sys.argv[1:]
WIDTH, HEIGHT = 480, 320
VALUES = {
    "size": ["small", "large"],
    "color": ["gray", "red", "blue", "green", "brown", "purple", "cyan", "yellow"],
    "material": ["rubber", "metal"],
    "shape": ["cube", "sphere", "cylinder"],
}
RANKS = [f"the {w} one of the" for w in "first second third fourth fifth sixth seventh eighth nineth".split()]
ENDS = ["from left", "from right", "from front"]
RELATIONS = ["left", "right", "behind", "front"]
SEEN = ["fully visible", "partially visible"]
draw = random.Random(11)


def engine():
    text = Path(GENERATOR, "refexp_generation/refexp_engine.py").read_text()
    for before, after in (
        ("(scene_struct, obj_idxs, (o_num, o_dir)):", "(scene_struct, obj_idxs, ordinal):\n  o_num, o_dir = ordinal"),
        ("return list(st2)", "return sorted(st2)"),
        ("return list(st1)", "return sorted(st1)"),
    ):
        assert text.count(before) == 1
        text = text.replace(before, after)
    module = {"__name__": "refexp_engine"}
    exec(compile(text, "refexp_engine.py", "exec"), module)
    return module


def runs(mask):
    """Run lengths, row by row, beginning with zeros."""
    flat = mask.reshape(-1)
    at = np.flatnonzero(np.diff(flat)) + 1
    lengths = np.diff(np.concatenate([[0], at, [len(flat)]])).tolist()
    return ",".join(map(str, ([0] if flat[0] else []) + lengths))


def scene(index):
    """Rectangles in front of each other; many share a column or a place in the list of another scene's."""
    count = draw.randint(3, 9)
    depths = draw.sample(range(60, 140), count)
    far_apart = index % 3 == 0
    boxes = []
    for i in range(count):
        w, h = draw.randint(8, 40), draw.randint(6, 18)
        x = 50 * i + draw.randint(0, 5) if far_apart else draw.randint(0, WIDTH - w)
        y = draw.randint(0, HEIGHT - h) if far_apart else draw.randint(0, 60)
        boxes.append([min(x, WIDTH - w), y, w, h])
    if index % 3 == 1:
        # One well in front of another, the others apart, so that visibility is clear.
        boxes = [[50 * i, 5 + i, 30, 12] for i in range(count)]
        boxes[1] = [boxes[0][0] + 5, boxes[0][1] + 2, 30, 12]
    owner = np.full((HEIGHT, WIDTH), -1)
    for i in sorted(range(count), key=lambda i: -depths[i]):
        x, y, w, h = boxes[i]
        owner[y : y + h, x : x + w] = i
    objects = [
        {
            **{name: draw.choice(values) for name, values in VALUES.items()},
            "3d_coords": [0.0, 0.0, 0.0],
            "rotation": 0.0,
            "pixel_coords": [x + w // 2, y + h // 2, depths[i] / 8],
        }
        for i, (x, y, w, h) in enumerate(boxes)
    ]
    related = {}
    for name in RELATIONS:
        related[name] = [sorted(j for j in range(count) if j != i and draw.random() < 0.4) for i in range(count)]
    return {
        "split": "made", "image_index": index, "image_filename": f"CLEVR_made_{index:06}.png", "objects": objects,
        "directions": {}, "relationships": related,
        "obj_mask": {str(i + 1): runs((owner == i).astype(int)) for i in range(count)},
        "obj_bbox": {str(i + 1): box for i, box in enumerate(boxes)},
    }


def step(outputs):
    """A random step on earlier ones, often one that is valid; None where there is nothing to take in."""
    sets = [i for i, o in enumerate(outputs) if isinstance(o, list)]
    ones = [i for i, o in enumerate(outputs) if isinstance(o, int)]
    kinds = ["filter"] * 3 + ["ordinal", "unique", "unique", "relate", "relate", "same", "same", "same", "both"]
    kind = draw.choice(kinds + ["visible"] * draw.randint(0, 1))
    if kind in ("relate", "same"):
        if not ones:
            return None
        if kind == "same":
            return [f"same_{draw.choice(list(VALUES))}", [draw.choice(ones)], []]
        return ["relate", [draw.choice(ones)], [draw.choice(RELATIONS)]]
    if kind == "both":
        return [draw.choice(["union", "intersect"]), [draw.choice(sets), draw.choice(sets)], []]
    if kind == "unique":
        single = [i for i in sets if len(outputs[i]) == 1]
        if not single and draw.random() < 0.97:
            return None
        return ["unique", [draw.choice(single or sets)], []]
    at = draw.choice(sets[-3:])
    if kind == "ordinal":
        most = len(outputs[at]) if draw.random() < 0.9 else len(RANKS)
        return ["filter_ordinal", [at], [draw.choice(RANKS[: max(1, most)]), draw.choice(ENDS)]]
    if kind == "visible":
        return ["filter_visible", [at], [draw.choice(SEEN)]]
    name = draw.choice(list(VALUES))
    return [f"filter_{name}", [at], [draw.choice(VALUES[name])]]


def as_refexp(nodes):
    return {"nodes": [{"type": t, "inputs": i, "side_inputs": v} for t, i, v in nodes]}


def random_program(answer, scenes, longest):
    index = draw.randrange(len(scenes))
    fresh = json.loads(json.dumps(scenes[index]))
    nodes = [["scene", [], []]]
    while len(nodes) < longest:
        outputs = answer(as_refexp(nodes), None, fresh, all_outputs=True)
        if outputs[-1] == "__INVALID__":
            return [index, nodes, None]
        more = step(outputs)
        if more:
            nodes.append(more)
    outputs = answer(as_refexp(nodes), None, fresh, all_outputs=True)
    return [index, nodes, None if outputs[-1] == "__INVALID__" else outputs]


def tree_only(nodes):
    """The nodes that the last one needs, each as often as it is used: what a flattened program stands for."""
    out = []

    def visit(at):
        kind, inputs, values = nodes[at]
        inside = [visit(i) for i in inputs]
        out.append([kind, inside, values])
        return len(out) - 1

    visit(len(nodes) - 1)
    return out


WORDS = "Find the The things thing(s) that are; big, red? shiny. left right of one; or, either. cube(s) on it".split(" ")


def preprocess(scenes, answer):
    rows = []
    while len(rows) < 120:
        index, nodes, outputs = random_program(answer, scenes, draw.randint(2, 7))
        if outputs is None or not isinstance(outputs[-1], list):
            continue
        text = " ".join(draw.choice(WORDS) for _ in range(draw.randint(2, 9)))
        if len(rows) == 70:
            text += " rare"
        rows.append([text, index, tree_only(nodes), outputs[-1], draw.randrange(8)])
    refexps = [
        {
            "refexp": text, "image_index": image, "image_filename": scenes[image]["image_filename"],
            "program": [
                {"type": t, "inputs": i, "value_inputs": v, **({"_output": output} if k == len(nodes) - 1 else {})}
                for k, (t, i, v) in enumerate(nodes)
            ],
            "refexp_family_index": family,
        }
        for text, image, nodes, output, family in rows
    ]
    made = []
    with tempfile.TemporaryDirectory() as folder:
        for name, value in (("scenes", scenes), ("refexps", refexps)):
            Path(folder, f"{name}.json").write_text(json.dumps({"info": {}, name: value}))
        for name, mode, size, threshold in (
            ("prefix", "prefix", 320, 1), ("postfix", "postfix", 320, 1), ("small masks", "prefix", 64, 1), ("threshold", "prefix", 320, 3),
        ):
            flags = {
                "mode": mode, "input_refexps_json": f"{folder}/refexps.json", "input_scenes_json": f"{folder}/scenes.json",
                "num_examples": -1, "height": size, "width": size, "unk_threshold": threshold, "encode_unk": int(threshold > 1),
                "output_h5_file": f"{folder}/out.h5", "output_vocab_json": f"{folder}/vocab.json",
            }
            script = f"{CHECKOUT}/scripts/preprocess_refexps.py"
            sys.argv = [script, *[part for key, value in flags.items() for part in (f"--{key}", str(value))]]
            with contextlib.redirect_stdout(io.StringIO()), contextlib.chdir(CHECKOUT):
                sys.path[:0] = [CHECKOUT, f"{CHECKOUT}/scripts"]
                runpy.run_path(script, run_name="__main__")
            with h5py.File(f"{folder}/out.h5") as file:
                # As iep/data.py reads them.
                masks = [np.asarray(mask, dtype=np.int64).astype(np.uint8) for mask in file["answers"]]
                made.append({
                    "name": name, "mode": mode, "size": size, "threshold": threshold,
                    "vocab": json.loads(Path(folder, "vocab.json").read_text()),
                    **{key: file[key][()].tolist() for key in ("refexps", "programs", "image_idxs", "orig_idxs", "refexp_families")},
                    "masks": [hashlib.sha256(mask.tobytes()).hexdigest()[:16] for mask in masks],
                    "pixels": int(sum(mask.sum() for mask in masks)),
                })
    return {"rows": rows, "runs": made}


sys.dont_write_bytecode = True
authors = engine()
scenes = [scene(i) for i in range(24)]
write("scenes.json", scenes)


def visibility(s):
    found = authors["get_visible_occlusion_sets"](json.loads(json.dumps(s)), 0.0, 0.2)
    return None if found == "__INVALID__" else [sorted(found[1]), sorted(found[0])]


seen = [visibility(s) for s in scenes]
programs = [random_program(authors["answer_refexp"], scenes, draw.randint(2, 9)) for _ in range(600)]
print(sum(v is not None for v in seen), "scenes with visibility,", sum(p[2] is None for p in programs), "invalid programs")
print({t: sum(s[0] == t for _, nodes, o in programs if o for s in nodes) for t in sorted({s[0] for p in programs for s in p[1]})})
write("executor.json", {"visibility": seen, "programs": programs})
made = preprocess(scenes, authors["answer_refexp"])
print([run["pixels"] for run in made["runs"]])
write("preprocess.json", made)
