"""Reads what `write_ours.ts` wrote with the libraries that define the formats, and says where they disagree.

With a checkout of github.com/endernewton/iter-reason (00a0e36):
pip install torch==2.13.0 safetensors==0.8.0 h5py==3.16.0 tensorboard==2.21.0 pycocotools==2.0.11 numpy==2.4.6 \
  opencv-python-headless==5.0.0
deno run -A write_ours.ts FOLDER && python read_ours.py FOLDER PATH_OF_THE_CHECKOUT
"""

import json
import math
import os
import sys

import cv2
import h5py
import numpy as np
import torch
from pycocotools.coco import COCO
from safetensors import safe_open
from safetensors.torch import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from reference_datasets import records, reference_readers

folder, checkout = sys.argv[1:]
at = lambda *names: os.path.join(folder, *names)
with open(at("written.json")) as file:
    written = json.load(file)


def same(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: {got!r}, ours says {want!r}")
    print("agrees:", what)


# safetensors, without a checksum and with one.
for file in ["ours.safetensors", "checked.safetensors"]:
    tensors = load_file(at(file))
    bits = lambda name, kind: tensors[name].view(kind).flatten().tolist()
    same(f"{file} types", {k: str(v.dtype)[6:] for k, v in tensors.items()}, {
        "f64": "float64", "f32": "float32", "f16": "float16", "bf16": "bfloat16", "i64": "int64", "u64": "uint64", "i32": "int32", "u32": "uint32",
        "i16": "int16", "u16": "uint16", "i8": "int8", "u8": "uint8", "bool": "bool", "empty": "float32", 'näme "quoted"': "float32",
    })
    same(f"{file} f64", bits("f64", torch.int64), [int.from_bytes(np.float64(v).tobytes(), "little", signed=True) for v in (math.pi, -0.0)])
    same(f"{file} f32", bits("f32", torch.int32), np.float32([1, -0.0, np.nan, np.inf, 1e-45, 6]).view(np.int32).tolist())
    same(f"{file} f16", tensors["f16"].tolist(), [1, 2.5, 65504])
    same(f"{file} bf16", tensors["bf16"].tolist(), [1.5])
    same(f"{file} whole numbers", [tensors[k].tolist() for k in ("i64", "u64", "i32", "u32", "i16", "u16", "i8", "u8", "bool")], [[-(2**63), 2**63 - 1], [2**64 - 1], -7, [[2**32 - 1]], [-2], [65535], [-1], [1, 2, 3], [False, True]])
    same(f"{file} shapes", [list(tensors[k].shape) for k in ("empty", "i32", "f64")], [[0, 5], [], [1, 2]])
    with safe_open(at(file), "pt") as opened:
        metadata = opened.metadata()
        checksum = metadata.pop("itera.crc32c", None)
        same(f"{file} metadata", metadata, {"step": "12", "ü": "\n"})
        same(f"{file} checksum", checksum is not None, file == "checked.safetensors")

# HDF5.
with h5py.File(at("features.h5")) as file:
    data = file["features"]
    same("HDF5 features", [data.shape, str(data.dtype), data.maxshape], [(4, 3, 4, 5), "float32", (None, None, None, None)])
    same("HDF5 features' numbers", data[:].flatten().tolist(), np.float32(written["features"]).tolist())
    same("HDF5 checksums", [file["checksums"].shape, str(file["checksums"].dtype)], [(4,), "uint32"])
    same("HDF5 attribute", file.attrs["extractor"], "counted ü")
with h5py.File(at("refexps.h5")) as file:
    rows = written["refexps"]
    for name, field in [("refexps", "refexp"), ("programs", "program")]:
        longest = max(len(row[field]) for row in rows)
        same(f"HDF5 {name}", [str(file[name].dtype), file[name][:].tolist()], ["int32", [row[field] + [0] * (longest - len(row[field])) for row in rows]])
    for name, field in [("image_idxs", "image"), ("orig_idxs", "original"), ("refexp_families", "family"), ("refexp_categories", "category")]:
        same(f"HDF5 {name}", [str(file[name].dtype), file[name][:].tolist()], ["int64", [row[field] for row in rows]])
    bits = np.unpackbits(file["answers"][:], axis=2)[:, :, :11].reshape(3, -1)
    same("HDF5 answers, unpacked by NumPy", bits.tolist(), [row["mask"] for row in rows])
    same("HDF5 attributes", [file.attrs["mode"], int(file.attrs["width"])], ["chain", 11])

# TensorBoard.
events = EventAccumulator(at("events"), size_guidance={"scalars": 0, "images": 0})
events.Reload()
steps = [(s, float(np.float32(1 / (s + 1)))) for s in range(0, 300, 7) if s <= 200] + [(203, 9.0)]
same("TensorBoard's curve, the void part forgotten", [(e.step, e.value) for e in events.Scalars("loss/total")], steps)
same("TensorBoard's names", events.Tags()["scalars"][:1] + events.Tags()["images"], ["loss/total", "gallery"])
(picture,) = events.Images("gallery")
pixels = cv2.imdecode(np.frombuffer(picture.encoded_image_string, np.uint8), cv2.IMREAD_COLOR)
same("TensorBoard's picture", [picture.step, picture.width, picture.height, pixels.shape], [3, 5, 4, (4, 5, 3)])
means = np.array([102.9801, 115.9465, 122.7717])
made = (np.float32(np.arange(60) * 4 - 120).reshape(4, 5, 3) + means).clip(0, 255)
same("the picture's colours, to one step", bool((abs(pixels - made) <= 0.5 + 1e-3).all()), True)

# Data sets: COCO by pycocotools, and all three by the reference's readers.
for part in ["train2014", "minival2014", "valminusminival2014"]:
    coco = COCO(at("coco", "annotations", f"instances_{part}.json"))
    boxes = [a["bbox"] for a in coco.loadAnns(coco.getAnnIds(areaRng=[1, 1e9], iscrowd=False))]
    same(f"COCO {part}: annotations with area, of known pictures and classes", len(boxes), len(coco.dataset["annotations"]))
    same(f"COCO {part}: pictures there", [cv2.imread(at("coco", "images", "train2014" if part == "train2014" else "val2014", i["file_name"])).shape[:2] for i in coco.dataset["images"]], [(i["height"], i["width"]) for i in coco.dataset["images"]])
coco, visual_genome, ade = reference_readers(checkout, folder)
for name, reader, arguments in [("coco", coco, ("minival", "2014")), ("vg", visual_genome, ("val",)), ("ade", ade, ("mval",))]:
    found = records(reader, *arguments)
    images = [{"width": i["width"], "height": i["height"], **i["plain"]} for i in found["images"]]
    same(f"{name} by the reference's reader", {"classes": [c.replace(" ", "_") for c in found["classes"]], "images": images}, written[name])
