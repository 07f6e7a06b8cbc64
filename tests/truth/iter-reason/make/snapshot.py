"""Writes a snapshot as the authors' training does, of a narrow memory: tests/fixtures/weights/res50_local_iter_3.ckpt.

    pip install tensorflow-cpu==2.21.0 opencv-python-headless==5.0.0.93 pillow==12.3.0 scipy==1.17.1
    python snapshot.py ITER_REASON TF_SLIM

ITER_REASON is a checkout of github.com/endernewton/iter-reason (00a0e36), TF_SLIM one of
github.com/google-research/tf-slim (1287b1e). The graph is the one their solver trains, rate and velocities included. Of
its ConvNet only the class scores are saved, so that the files stay small; their own Saver saves all.
"""

import os
import sys

import authors
from cases import case
from formula import variable
from network import build, configure, solver

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "..", "fixtures", "weights")
# The authors' names of snapshots: SNAPSHOT_PREFIX of res50_local.yml, then the step.
NAME = "res50_local_iter_3.ckpt"


def main(checkout, slim_checkout):
    authors.load(checkout, slim_checkout)
    import tensorflow.compat.v1 as tf

    args = case("memory", depth=8, fc=16, classes=5)
    configure(args)
    tf.summary.FileWriter = lambda *_: None
    with tf.Session() as session:
        solver(args, build(args), args["classes"]).construct_graph(session)
        session.run(tf.global_variables_initializer())

        def kept(name):
            if name.endswith("/Momentum"):
                return "/cls_score" in name and "/biases/" in name
            return name.startswith("SMN/") or "/cls_score/" in name or name == "Variable"

        saved = [v for v in tf.global_variables() if kept(v.op.name)]
        for v in saved:
            if v.op.name != "Variable" and not v.op.name.endswith("/Momentum"):
                v.load(variable(v.op.name, v.shape.as_list()), session)
        saver = tf.train.Saver(saved, max_to_keep=100000)
        saver.save(session, os.path.join(FOLDER, NAME), write_meta_graph=False, write_state=False)
        print([v.op.name for v in saved])


if __name__ == "__main__":
    main(*sys.argv[1:])
