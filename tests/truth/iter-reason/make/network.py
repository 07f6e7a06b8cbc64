"""Runs the authors' networks on made weights and writes what comes out: tests/truth/iter-reason/golden/NAME.json.

    pip install tensorflow-cpu==2.21.0 opencv-python-headless==5.0.0.93 pillow==12.3.0 scipy==1.17.1
    python network.py ITER_REASON TF_SLIM [NAME …]

ITER_REASON is a checkout of github.com/endernewton/iter-reason (00a0e36), TF_SLIM one of
github.com/google-research/tf-slim (1287b1e). Without names, all of cases.py are made.
"""

import json
import os
import sys

import numpy as np

import authors
from cases import BOXES, CASES
from formula import uniform, variable

GOLDEN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden")
# Values kept of a tensor: of the ConvNet's map, of a gradient, of any other.
HEAD, GRADIENT, OTHER = 600, 40, 2000


def stats(array, keep):
    """Every `step`-th value, so that the file stays small, and what shows a difference in the rest."""
    flat = np.asarray(array, np.float32).reshape(-1)
    step = flat.size // keep | 1
    return {
        "shape": list(np.shape(array)),
        "step": step,
        "values": [float(f"{v:.9g}") for v in flat[::step]],
        "norm": float(np.linalg.norm(flat.astype(np.float64))),
        "max": float(np.abs(flat).max()),
    }


def configure(args):
    from model.config import cfg

    cfg.MEM.ITER, cfg.MEM.C, cfg.MEM.FC_C, cfg.MEM.BETA = args["iter"], args["depth"], args["fc"], args["beta"]
    cfg.MEM.STD, cfg.MEM.U_STD, cfg.MEM.C_STD = args["std"], args["ustd"], args["cstd"]
    cfg.TRAIN.RATE, cfg.TRAIN.DOUBLE_BIAS = args["rate"], args["doublebias"]
    cfg.RESNET.MAX_POOL = args["maxpool"]
    return cfg


def build(args):
    from nets import attend_memory, base_memory, resnet_v1

    nets = {
        "baseline": resnet_v1.resnetv1,
        "memory": attend_memory.resnetv1_memory,
        "base_memory": base_memory.resnetv1_memory,
    }
    return nets[args["net"]](num_layers=args["layers"])


def solver(args, net, classes):
    """The authors' construct_graph without files: TensorBoard's writers are left out."""
    from model import train_val, train_val_memory

    kind = train_val.SolverWrapper if args["net"] == "baseline" else train_val_memory.MemorySolverWrapper
    made = object.__new__(kind)
    made.net, made.tbdir, made.tbvaldir = net, None, None
    made.imdb = type("imdb", (), {"num_classes": classes})
    return made


def blobs(args, boxes, labels):
    height, width = args["height"], args["width"]
    return {
        "data": uniform("image", (1, height, width, 3), -120, 130),
        "im_info": np.array([height, width, 1], np.float32),
        "memory_size": np.ceil(np.array([height, width]) / 16).astype(np.int32),
        "gt_boxes": np.concatenate([np.array(boxes, np.float32), np.array(labels, np.float32)[:, None]], 1),
        "num_gt": np.int32(len(boxes)),
    }


def tensors(args, net):
    """Which tensors of the graph are written, and how many values of each."""
    out = {"total_loss": net._losses["total_loss"], "cross_entropy": net._losses["cross_entropy"], "head": net._layers["head"]}
    out["rois"] = net._targets["rois"]
    said = net._predictions
    if args["net"] == "baseline":
        return {**out, "cls_score": said["cls_score"], "cls_prob": said["cls_prob"]}
    out.update({k: net._losses[k] for k in net._losses if k.startswith("cross_entropy_")})
    for i in range(args["iter"]):
        out.update({f"cls_score{i}": said["cls_score"][i], f"cls_prob{i}": said["cls_prob"][i], f"mem{i}": net._mems[i]})
    if args["net"] == "memory":
        for i in range(args["iter"]):
            out[f"attend{i}"] = said["confid_prob"][i]
        for i in range(args["iter"] - 1):
            out[f"weights{i}"] = said["weights"][i]
        out.update({"attend_score": said["attend_cls_score"], "attend_prob": said["attend_cls_prob"]})
    return out


def run(made, args):
    import tensorflow.compat.v1 as tf

    tf.reset_default_graph()
    configure(args)
    boxes, labels = BOXES[args["boxes"]], [int(v) for v in args["labels"].split(",")]
    net = build(args)
    with tf.Session() as session:
        tf.summary.FileWriter = lambda *_: None
        wrapper = solver(args, net, args["classes"])
        gradients = {}
        compute = tf.train.MomentumOptimizer.compute_gradients

        def computed(self, loss):
            pairs = compute(self, loss)
            gradients.update({v.op.name: g for g, v in pairs})
            return pairs

        tf.train.MomentumOptimizer.compute_gradients = computed
        try:
            _, train_op = wrapper.construct_graph(session)
        finally:
            tf.train.MomentumOptimizer.compute_gradients = compute
        session.run(tf.global_variables_initializer())
        # Not the optimiser's: its rate and its velocities.
        own = [v for v in tf.global_variables() if "/" in v.op.name and not v.op.name.endswith("/Momentum")]
        first = session.run(own)
        trainable = {v.op.name for v in tf.trainable_variables()}
        variables = {
            v.op.name: {
                "shape": list(a.shape),
                "trainable": v.op.name in trainable,
                "initStd": float(a.std(dtype=np.float64)),
                "initMean": float(a.mean(dtype=np.float64)),
            }
            for v, a in zip(own, first)
        }
        del first
        for v in own:
            v.load(variable(v.op.name, v.shape.as_list()), session)
        feed = net._parse_dict(blobs(args, boxes, labels))
        wanted = tensors(args, net)
        learnt = {name: g for name, g in gradients.items() if g is not None}
        out, grads = session.run([wanted, learnt], feed)
        golden = {
            "made": made,
            "args": args,
            "boxes": boxes,
            "labels": labels,
            "noGradient": sorted(name for name, g in gradients.items() if g is None),
            "out": {name: stats(a, HEAD if name == "head" else OTHER) for name, a in out.items()},
            "grads": {name: stats(a, GRADIENT) for name, a in grads.items()},
            "variables": variables,
            "regularised": len(tf.losses.get_regularization_losses()),
        }
        if args["steps"]:
            given = {v.op.name: session.run(v) for v in own if v.op.name in learnt}
            steps = [net.train_step(session, blobs(args, boxes, labels), train_op) for _ in range(args["steps"])]
            # Total and cross-entropy before each step, then how far the steps moved every variable.
            golden["steps"] = [[float(total), float(entropy)] for entropy, total in steps]
            golden["moved"] = {v.op.name: stats(session.run(v) - given[v.op.name], GRADIENT) for v in own if v.op.name in given}
    return golden


def main(checkout, slim_checkout, *names):
    made = authors.load(checkout, slim_checkout)
    for name in names or CASES:
        golden = run(made, {**CASES[name], "name": name})
        with open(os.path.join(GOLDEN, f"{name}.json"), "w") as file:
            json.dump(golden, file)
        print(name, golden["out"]["total_loss"]["values"], golden.get("steps"), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
