"""Files as the libraries that define their formats write them today, and what their own readers say is in them.

Run in this folder:
pip install torch==2.13.0 tensorflow-cpu==2.21.0 safetensors==0.8.0 h5py==3.16.0 numpy==2.4.6 && python files.py
"""

import collections
import json
import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import h5py
import numpy as np
import tensorflow as tf
import torch
from safetensors.torch import load_file, save_file

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "files")
os.makedirs(GOLDEN, exist_ok=True)
rng = np.random.default_rng(20250105)
torch.manual_seed(20250105)
wanted = {}


def at(name):
    return os.path.join(GOLDEN, name)


def described(array):
    """Shape and numbers as float32 has them."""
    array = np.asarray(array)
    numbers = array.reshape(-1).astype(np.float32)
    return {"shape": list(array.shape), "data": [str(v) if not np.isfinite(v) else float(f"{v:.9g}") for v in numbers]}


def numbers(tensors):
    return {name: described(t.detach().to(torch.float64).numpy()) for name, t in tensors.items()}


# PyTorch: a module's and an optimiser's state, views of one storage in every arrangement, every element type.
net = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(2, 3, (3, 2), bias=False), bn=torch.nn.BatchNorm2d(3)))
net = net.to(memory_format=torch.channels_last)
adam = torch.optim.Adam(net.parameters())
net(torch.rand(2, 2, 5, 5)).sum().backward()
adam.step()
base = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 7
views = {
    "permuted": base.permute(2, 0, 1), "expanded": base[:1, :1].expand(3, 2, 4), "strided": base[:, ::2, 1::2],
    "tail": base.reshape(-1)[20:], "diagonal": base[0].diagonal(), "zero": base[0, 0, 0].clone(), "empty": torch.empty(3, 0),
}
types = {str(t)[6:]: torch.tensor([0, 1, 3], dtype=t) for t in [torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool]}
types["odd"] = torch.tensor([np.nan, np.inf, -np.inf, -0.0, 1e-45, 3.4e38])
types["halves"] = torch.tensor([65504.0, 6e-8, -np.inf, np.nan]).half()
state = {"state_dict": net.state_dict(), "optimizer": adam.state_dict(), "views": views, "types": types, "note": "ünïcode", 7: [torch.ones(2), {"deep": torch.full((1, 1), -2.5)}]}
flat = {f"state_dict.{k}": v for k, v in net.state_dict().items()}
for key, slots in adam.state_dict()["state"].items():
    flat.update({f"optimizer.state.{key}.{k}": v for k, v in slots.items()})
flat.update({f"views.{k}": v for k, v in views.items()} | {f"types.{k}": v for k, v in types.items()} | {"7.0": torch.ones(2), "7.1.deep": torch.full((1, 1), -2.5)})
for name, options in [("archive.pt", {}), ("protocol5.pt", {"pickle_protocol": 5}), ("stream.pt", {"_use_new_zipfile_serialization": False})]:
    torch.save(state, at(name), **options)
    wanted[name] = numbers(flat)

# safetensors, by its own writer.
tensors = {name: t for name, t in {**types, **{k: v.contiguous().clone() for k, v in views.items()}}.items()}
save_file(tensors, at("python.safetensors"), metadata={"format": "pt", "ünï": "\"quoted\"\n"})
wanted["python.safetensors"] = numbers(load_file(at("python.safetensors")))

# TensorFlow: enough names that the index has several blocks and shares prefixes. Version 1 cannot read back all types.
tf.compat.v1.disable_eager_execution()
with tf.compat.v1.Session() as session:
    v1 = tf.compat.v1
    values = {f"resnet/block{i % 4}/unit_{i}/{part}": rng.uniform(-1, 1, shape).astype(np.float32) for i in range(40) for part, shape in [("weights", (1, 2, 3)), ("BatchNorm/gamma", (3,))]}
    values["long/" + "x" * 300] = np.float32(0.25)
    for name, value in values.items():
        v1.get_variable(name, initializer=value)
    for name, kind in [("f64", np.float64), ("i64", np.int64), ("i32", np.int32), ("u8", np.uint8), ("bool", np.bool_), ("f16", np.float16)]:
        v1.get_variable(name, initializer=np.array([0, 1, 1], kind))
    session.run(v1.global_variables_initializer())
    for version, name in [(1, "v1.ckpt"), (2, "v2")]:
        saved = [v for v in v1.global_variables() if version == 2 or v.op.name not in ("u8", "bool", "f16")]
        v1.train.Saver(saved, write_version=version).save(session, at(name), write_meta_graph=False, write_state=False)
        reader = tf.train.load_checkpoint(at(name))
        wanted[name] = {key: described(reader.get_tensor(key)) for key in sorted(reader.get_variable_to_shape_map())}

# A variable in parts, which is refused.
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    v1.get_variable("partitioned", shape=(5, 4), partitioner=v1.fixed_size_partitioner(2))
    session.run(v1.global_variables_initializer())
    for version, name in [(1, "parts_v1.ckpt"), (2, "parts_v2")]:
        v1.train.Saver(write_version=version).save(session, at(name), write_meta_graph=False, write_state=False)
    # The index alone is read.
    os.remove(at("parts_v2.data-00000-of-00001"))

# HDF5: features of other types, orders of bytes, chunks, filters and versions of the format.
features = rng.uniform(-1, 1, (5, 3, 4, 2)).astype(np.float32)
LAYOUTS = {
    "plain": {}, "packed": {"chunks": (2, 3, 2, 2), "compression": "gzip", "shuffle": True, "fletcher32": True},
    "big": {"dtype": ">f4"}, "double": {"dtype": "<f8", "chunks": (1, 3, 4, 2)}, "half": {"dtype": "<f2"},
    "growing": {"maxshape": (None, 3, 4, 2), "chunks": True},
}
for name, options in LAYOUTS.items():
    for libver in ["earliest", "latest"] if name in ("plain", "growing") else ["earliest"]:
        path = f"features_{name}_{libver}.h5"
        with h5py.File(at(path), "w", libver=libver) as file:
            file.create_dataset("features", data=features.astype(options.get("dtype", "f4")), **{k: v for k, v in options.items() if k != "dtype"})
            if name == "packed":
                file.attrs["extractor"] = "someone's"
            if name == "double":
                file.attrs["extractor"] = np.bytes_("fixed length")
        with h5py.File(at(path)) as file:
            extractor = file.attrs.get("extractor", "unknown")
            wanted[path] = {"extractor": extractor if isinstance(extractor, str) else extractor.decode(), "features": described(file["features"][:])}

# Expressions as the reference of CLEVR-Ref+ writes them.
masks = (rng.uniform(0, 1.6, (4, 6, 5))).clip(0, 1)
columns = {"refexps": rng.integers(0, 9, (4, 7)).astype(np.int32), "programs": rng.integers(0, 9, (4, 3)).astype(np.int32), "image_idxs": np.array([2, 0, 1, 1]), "orig_idxs": np.arange(4), "refexp_families": np.array([3, 1, 4, 1])}
with h5py.File(at("refexps.h5"), "w") as file:
    for name, data in columns.items():
        file.create_dataset(name, data=data)
    file.create_dataset("answers", data=masks, maxshape=(None, 6, 5))
wanted["refexps.h5"] = {name: data.tolist() for name, data in columns.items()} | {"answers": np.asarray(masks, np.int64).tolist()}

with open(at("wanted.json"), "w") as file:
    json.dump(wanted, file, separators=(",", ":"))
    file.write("\n")
for name in sorted(os.listdir(GOLDEN)):
    print(name, os.path.getsize(at(name)))
