"""Ops as TensorFlow has them where PyTorch has none or means another thing: values and gradients.

Run in this folder: pip install tensorflow-cpu==2.21.0 && python tensorflow_ops.py

Pasting regions is the reference's inverse crop: crop_and_resize of each patch by the map's own box in the patch's
coordinates, summed, and divided by the same sum of patches of ones. crop_and_resize takes boxes and gives crops in
float32. `"padding": "same"` is left to our own rule to resolve.
"""

import os

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

from ops64_writer import tensor, write

rng = np.random.default_rng(20250102)
cases = []


def real(*shape, low=-1.0, high=1.0):
    return tf.constant(rng.integers(round(low * 64), round(high * 64) + 1, shape) / 64, tf.float64)


def add(name, op, inputs, attrs, function, differentiated):
    """`differentiated`: places of the inputs whose gradient of sum(seed * first output) is written."""
    own = [inputs[i] for i in differentiated]
    with tf.GradientTape() as tape:
        tape.watch(own)
        outputs = function(*inputs)
        seed = rng.integers(-64, 65, outputs[0].shape) / 64
        total = tf.reduce_sum(outputs[0] * seed)
    # On CPUs TensorFlow has no gradient of dilated convolutions.
    grads = dict(zip(differentiated, tape.gradient(total, own)))
    cases.append({
        "name": name, "op": op, "attrs": attrs,
        "inputs": [None if x is None else tensor(x) for x in inputs], "outputs": [tensor(y) for y in outputs],
        "outputGrads": [tensor(seed), *[None] * (len(outputs) - 1)],
        "inputGrads": [tensor(grads[i]) if i in grads else None for i in range(len(inputs))],
    })


def paste(size):
    def function(patches, boxes):
        h, w = size
        y1, x1, y2, x2 = tf.unstack(boxes, axis=1)
        inverse = tf.stack([-y1 / (y2 - y1), -x1 / (x2 - x1), (h - 1 - y1) / (y2 - y1), (w - 1 - x1) / (x2 - x1)], 1)
        at = tf.range(len(boxes))
        crop = lambda x: tf.reduce_sum(tf.image.crop_and_resize(x, tf.cast(inverse, tf.float32), at, size), 0, keepdims=True)
        whole, count = crop(patches), crop(tf.ones_like(patches[..., :1]))
        return [tf.cast(whole / tf.maximum(count, 1e-14), tf.float64), tf.cast(count[0, :, :, 0], tf.float64)]

    return function


# Edges off the cells, so that float32 does not decide which cells a box holds.
for size, patch, corners in [
    ((6, 5), (3, 3), [[0.7, 0.3, 3.6, 3.2], [1.4, 1.6, 4.8, 3.9]]),
    ((4, 7), (2, 4), [[-1.3, -0.6, 2.4, 8.7], [0.2, 3.1, 5.9, 5.3], [1.6, 0.4, 1.9, 6.1]]),
    ((5, 5), (7, 7), [[0.45, 0.55, 3.35, 2.65]]),
]:
    boxes = tf.constant(np.asarray(corners, np.float32), tf.float64)
    add(f"{len(corners)} patches {patch} on a map {size}", "pasteRegions", [real(len(corners), *patch, 2), boxes], {"size": size}, paste(size), [0])

v1 = tf.compat.v1.losses
REDUCTIONS = {"mean": v1.Reduction.SUM_OVER_BATCH_SIZE, "sum": v1.Reduction.SUM, "none": v1.Reduction.NONE}
for reduction, rule in REDUCTIONS.items():
    labels = tf.constant([3, 1, 0, 4])
    loss = lambda x, y, w: [v1.sparse_softmax_cross_entropy(y, x, w, reduction=rule)]
    add(f"losses.sparse_softmax_cross_entropy with weights, {reduction}", "crossEntropy", [real(4, 5, low=-4, high=4), labels, real(4, low=0, high=2)], {"reduction": reduction, "smoothing": 0}, loss, [0])
    smooth = lambda x, y, w: [v1.softmax_cross_entropy(tf.one_hot(y, 5), x, 1.0, label_smoothing=0.25, reduction=rule)]
    add(f"losses.softmax_cross_entropy with label smoothing, {reduction}", "crossEntropy", [real(4, 5, low=-4, high=4), labels, None], {"reduction": reduction, "smoothing": 0.25}, smooth, [0])
    sigmoid = lambda x, y: [v1.sigmoid_cross_entropy(y, x, reduction=rule)]
    add(f"losses.sigmoid_cross_entropy, {reduction}", "bceWithLogits", [real(2, 4, low=-30, high=30), real(2, 4, low=0, high=1)], {"reduction": reduction}, sigmoid, [0])

for kernel, stride, dilation in [((3, 3), 1, 1), ((3, 2), 2, 1), ((2, 4), 3, 1), ((3, 3), 1, 2)]:
    for padding in ["same", "valid"]:
        attrs = {"stride": [stride, stride], "padding": padding, "dilation": [dilation, dilation], "activation": "none"}
        convolved = lambda x, w, *_: [tf.nn.conv2d(x, w, stride, padding.upper(), dilations=dilation)]
        add(f"conv2d {kernel}, stride {stride}, dilation {dilation}, {padding}", "conv2d", [real(1, 6, 7, 2), real(*kernel, 2, 2), None, None, None], attrs, convolved, [0, 1] if dilation == 1 else [])
        if dilation > 1:
            continue
        window = {"size": kernel, "stride": [stride, stride], "padding": padding}
        add(f"max_pool2d {kernel}, stride {stride}, {padding}", "maxPool2d", [real(1, 6, 7, 2)], window, lambda x: [tf.nn.max_pool2d(x, kernel, stride, padding.upper())], [0])
        add(f"avg_pool2d {kernel}, stride {stride}, {padding}", "avgPool2d", [real(1, 6, 7, 2)], window, lambda x: [tf.nn.avg_pool2d(x, kernel, stride, padding.upper())], [0])

for size in [(3, 4), (7, 11), (1, 1), (2, 9)]:
    resized = lambda x: [tf.cast(tf.raw_ops.ResizeBilinear(images=x, size=size), tf.float64)]
    add(f"ResizeBilinear to {size}, its own way", "resizeBilinear", [real(1, 5, 6, 1)], {"size": size, "mode": "asymmetric"}, resized, [0])

points = tf.constant([-1.0, 0.0, 0.5, 0.5, 2.0], tf.float64)
limits = tf.constant([-1.0, 0.5, 0.25, 0.5, 3.0], tf.float64)
for name, function in [("maximum", tf.maximum), ("minimum", tf.minimum)]:
    add(f"{name}, equal ones", name, [points, limits], {}, lambda a, b: [function(a, b)], [0, 1])

write("tensorflow_ops.json", f"TensorFlow {tf.__version__}", cases)
