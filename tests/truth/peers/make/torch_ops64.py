"""Every op that PyTorch has, in float64: values and gradients, to hold the float64 references to.

Run in this folder: pip install torch==2.13.0 onnx==1.23.1 onnxruntime==1.30.0 numpy==2.4.6 && python torch_ops64.py
RoIAlign is ONNX Runtime's, which has torchvision's kernel: torchvision's own Python version repeats the edge where the
kernel gives zeros, so it is of no use for boxes that reach out of the image.

Inputs are multiples of 1/64, so that they are short, exact in float32, and equal ones (ties) come up by themselves.
"""

import numpy as np
import torch
import torch.nn.functional as F

import onnx
import onnxruntime
from onnx import helper

from ops64_writer import tensor, write

rng = np.random.default_rng(20250101)
cases = {}


def real(*shape, low=-1.0, high=1.0, step=64):
    return torch.tensor(rng.integers(round(low * step), round(high * step) + 1, shape) / step, dtype=torch.float64, requires_grad=True)


def exact(values):
    return torch.tensor(values, dtype=torch.float64, requires_grad=True)


def whole(*shape, low, high):
    return torch.tensor(rng.integers(low, high, shape), dtype=torch.int32)


def add(family, name, op, inputs, attrs, outputs):
    """inputs: leaves in the op's order, None for absent ones; outputs computed from them, in the op's order."""
    outputs = outputs if isinstance(outputs, (list, tuple)) else [outputs]
    seeds = [torch.tensor(rng.integers(-64, 65, tuple(y.shape)) / 64) if y.requires_grad else None for y in outputs]
    differentiable = [(y * s).sum() for y, s in zip(outputs, seeds) if s is not None]
    if differentiable:
        sum(differentiable).backward()
    array = lambda t: None if t is None else t.detach().numpy()
    grads = [None if t is None or t.grad is None else t.grad for t in inputs]
    cases.setdefault(family, []).append({
        "name": name, "op": op, "attrs": attrs,
        "inputs": [tensor(array(t)) for t in inputs], "outputs": [tensor(array(y)) for y in outputs],
        "outputGrads": [tensor(array(s)) for s in seeds], "inputGrads": [tensor(array(g)) for g in grads],
    })


# Pointwise, the points where slopes jump included.
f, KINKS = "pointwise", [-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0]
for name, function in [("neg", torch.neg), ("abs", torch.abs), ("exp", torch.exp), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid), ("relu", torch.relu), ("square", torch.square)]:
    x = exact(KINKS + rng.integers(-200, 201, 5).tolist()) if name in ("neg", "abs", "relu") else exact(KINKS + [-30.0, 30.0])
    add(f, name, name, [x], {}, function(x))
for name, function in [("log", torch.log), ("sqrt", torch.sqrt), ("reciprocal", torch.reciprocal)]:
    x = exact([0.015625, 0.5, 1.0, 2.0, 100.0])
    add(f, name, name, [x], {}, function(x))
x = exact([-1.5, -0.5, 0.25])
add(f, "reciprocal of negative numbers", "reciprocal", [x], {}, torch.reciprocal(x))
x = exact(KINKS)
add(f, "sign", "sign", [x], {}, torch.sign(x).detach())
x = exact(KINKS)
add(f, "affine", "affine", [x], {"scale": 1.75, "shift": -0.25}, x * 1.75 - 0.25)
for exponent in [0, 1, 2, 3, 0.5, -1, -2, 2.5]:
    points = [0.25, 1.0, 2.0] + ([-2.0, -0.5] if exponent == int(exponent) else [])
    x = exact(points + ([0.0] if exponent in (0, 1, 2, 3, 2.5) else []))
    add(f, f"pow({exponent})", "powScalar", [x], {"exponent": exponent}, torch.pow(x, exponent))
x = exact(KINKS)
add(f, "clamp, limits hit exactly", "clamp", [x], {"low": -0.5, "high": 1.0}, torch.clamp(x, -0.5, 1.0))
for name, function in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div), ("maximum", torch.maximum), ("minimum", torch.minimum), ("pow", torch.pow)]:
    low, high = {"div": (0.5, 2), "pow": (0.25, 2)}.get(name, (-2, 2))
    for left, right in [((2, 3), (2, 3)), ((2, 1, 3), (4, 1)), ((), (2,)), ((3,), (2, 3))]:
        a, b = real(*left, low=low, high=high), real(*right, low=low, high=high)
        add(f, f"{name} {list(left)} {list(right)}", name, [a, b], {}, function(a, b))
for name, function in [("greater", torch.gt), ("greaterEqual", torch.ge), ("less", torch.lt), ("lessEqual", torch.le), ("equal", torch.eq)]:
    a, b = exact([-1.0, 0.0, 0.5, 2.0]), exact([[0.0], [0.5]])
    add(f, name, name, [a, b], {}, function(a, b))
condition, a, b = torch.tensor([[1], [0]], dtype=torch.int32), real(2, 3), real(3)
add(f, "where", "where", [condition, a, b], {}, torch.where(condition != 0, a, b))

# Reductions, with ties.
f = "reduce"
for axes in [[1], [0, -1], [0, 1, 2]]:
    for keep in [True, False]:
        for name, function in [("sum", torch.sum), ("mean", torch.mean)]:
            x = real(2, 3, 4)
            add(f, f"{name} over {axes}", name, [x], {"axes": axes, "keepDims": keep}, function(x, axes, keepdim=keep))
for axis in [0, 1, -1]:
    for keep in [True, False]:
        x = real(2, 4, 5, step=2)
        values, places = torch.max(x, axis, keepdim=keep)
        add(f, f"max over {axis}, ties", "max", [x], {"axes": [axis], "keepDims": keep}, values)
        add(f, f"argmax over {axis}, ties", "argmax", [x.detach()], {"axis": axis, "keepDims": keep}, torch.tensor(np.expand_dims(np.argmax(x.detach().numpy(), axis), axis) if keep else np.argmax(x.detach().numpy(), axis), dtype=torch.int32))

# Products.
f = "products"
for ta in [False, True]:
    for tb in [False, True]:
        a, b = real(2, 1, *((2, 3) if ta else (3, 2))), real(3, *((4, 2) if tb else (2, 4)))
        y = torch.matmul(a.mT if ta else a, b.mT if tb else b)
        add(f, f"matmul, transposed {ta}, {tb}", "matmul", [a, b], {"transposeA": ta, "transposeB": tb}, y)
ACTIVATIONS = {"none": lambda v: v, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid}
for activation, function in ACTIVATIONS.items():
    x, w, b = real(2, 2, 3), real(3, 4), real(4) if activation != "tanh" else None
    add(f, f"linear, {activation}", "linear", [x, w, b], {"activation": activation}, function(F.linear(x, w.T, b)))
rows, cols = 3, 4
dense = rng.integers(-64, 65, (3, rows, cols)) / 64 * (rng.uniform(0, 1, (3, rows, cols)) < 0.5)
dense[1] = 0
relations = []
for matrix in dense:
    csr = torch.tensor(matrix).to_sparse_csr()
    relations.append({"rowPtr": csr.crow_indices().tolist(), "colIdx": csr.col_indices().tolist(), "values": csr.values().tolist()})
x, w = real(cols, 3), real(3, 3, 2)
y = sum(torch.tensor(matrix).to_sparse_csr() @ (x @ weight) for matrix, weight in zip(dense, w))
add(f, "sparse products of relations, one empty", "propagate", [x, w], {"graph": {"rows": rows, "cols": cols, "relations": relations}}, y)

# Convolution and pooling. PyTorch pads one side alone by F.pad.
f = "spatial"
last = lambda t: t.permute(0, 2, 3, 1)
first = lambda t: t.permute(0, 3, 1, 2)


def padded(x, sides, value=0.0):
    (top, bottom), (left, right) = sides
    return F.pad(first(x), (left, right, top, bottom), value=value)


WINDOWS = [((1, 1), [[0, 0], [0, 0]], (1, 1)), ((1, 1), [[1, 1], [1, 1]], (1, 1)), ((2, 2), [[0, 1], [0, 1]], (1, 1)), ((2, 1), [[1, 0], [2, 1]], (1, 2)), ((3, 2), [[2, 2], [0, 3]], (2, 1))]
for stride, sides, dilation in WINDOWS:
    x, w, b = real(1, 6, 5, 2), real(3, 2, 2, 3), real(3)
    y = last(F.conv2d(padded(x, sides), w.permute(3, 2, 0, 1), b, stride, 0, dilation))
    attrs = {"stride": stride, "padding": sides, "dilation": dilation, "activation": "none"}
    add(f, f"conv2d, stride {stride}, padding {sides}, dilation {dilation}", "conv2d", [x, w, None, b, None], attrs, y)
for activation, function in ACTIVATIONS.items():
    x, w, s, b, r = real(2, 3, 3, 2), real(3, 3, 2, 2), real(2), real(2), real(2, 3, 3, 2)
    y = function(last(F.conv2d(first(x), w.permute(3, 2, 0, 1), None, 1, 1)) * s + b + r)
    attrs = {"stride": [1, 1], "padding": [[1, 1], [1, 1]], "dilation": [1, 1], "activation": activation}
    add(f, f"conv2d with scale, bias, residual and {activation}", "conv2d", [x, w, s, b, r], attrs, y)
for dilation in [1, 2]:
    x, w, b, r = real(3, 3, 3, 2), real(2, 3, 3, 2, 2), real(2, 2), real(3, 3, 3, 2)
    entries = [1, 0, 1]
    made = [F.conv2d(first(x[n:n + 1]), w[e].permute(3, 2, 0, 1), b[e], 1, dilation, dilation) for n, e in enumerate(entries)]
    add(f, f"a filter for each image, dilation {dilation}", "conv2dBank", [x, w, b, r], {"entries": entries, "dilation": dilation, "activation": "relu"}, torch.relu(last(torch.cat(made)) + r))
for size, stride, sides in [((2, 2), (2, 2), [[0, 0], [0, 0]]), ((3, 2), (2, 1), [[1, 0], [0, 1]]), ((3, 3), (2, 2), [[0, 1], [0, 1]])]:
    attrs = {"size": size, "stride": stride, "padding": sides}
    x = real(1, 5, 6, 2, step=2)
    add(f, f"max_pool2d {size}, ties", "maxPool2d", [x], attrs, last(F.max_pool2d(padded(x, sides, -np.inf), size, stride)))
    x = real(1, 5, 6, 2)
    cells = F.avg_pool2d(padded(torch.ones_like(x), sides), size, stride, divisor_override=1)
    add(f, f"avg_pool2d {size}, the padding not counted", "avgPool2d", [x], attrs, last(F.avg_pool2d(padded(x, sides), size, stride, divisor_override=1) / cells))

# Normalisation and losses.
f = "normalise"
x, gamma, beta = real(3, 2, 2, 3), real(3), real(3)
mean, variance = torch.zeros(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
y = last(F.batch_norm(first(x), mean, variance, gamma, beta, True, 1.0, 1e-3))
n = x.numel() // 3
# The statistics are given by F.batch_norm itself (momentum 1): its running variance is unbiased, ours is the batch's own.
add(f, "batch_norm in training with its statistics", "batchNorm", [x, gamma, beta], {"epsilon": 1e-3}, [y, mean, variance * (n - 1) / n])
x, gamma, beta, mean, variance = real(4, 3), real(3), real(3), real(3), real(3, low=0.5, high=2)
y = (x - mean) / torch.sqrt(variance + 1e-3) * gamma + beta
torch.testing.assert_close(y, F.batch_norm(x, mean.detach(), variance.detach(), gamma, beta, False, 0.0, 1e-3))
add(f, "batch_norm at rest", "batchNormInference", [x, gamma, beta, mean, variance], {"epsilon": 1e-3}, y)
for axis in [0, 1, -1]:
    x = real(2, 3, 4, low=-20, high=20)
    add(f, f"softmax over {axis}", "softmax", [x], {"axis": axis}, torch.softmax(x, axis))
    x = real(2, 3, 4, low=-20, high=20)
    add(f, f"log_softmax over {axis}", "logSoftmax", [x], {"axis": axis}, torch.log_softmax(x, axis))
for reduction in ["sum", "none"]:
    for smoothing in [0, 0.25]:
        logits, labels = real(4, 5, low=-4, high=4), torch.tensor([3, -1, 0, 4], dtype=torch.int32)
        y = F.cross_entropy(logits, labels.long(), ignore_index=-1, reduction=reduction, label_smoothing=smoothing)
        add(f, f"cross_entropy, a row ignored, smoothing {smoothing}, {reduction}", "crossEntropy", [logits, labels, None], {"reduction": reduction, "smoothing": smoothing}, [y, torch.logsumexp(logits, 1).detach()])
for reduction in ["mean", "sum", "none"]:
    logits, labels, weights = real(4, 5, low=-4, high=4), torch.tensor([3, 1, 0, 4], dtype=torch.int32), real(4, low=0, high=2)
    each = F.cross_entropy(logits, labels.long(), reduction="none", label_smoothing=0.25) * weights
    y = each if reduction == "none" else getattr(each, reduction)()
    add(f, f"cross_entropy of rows times weights, {reduction}", "crossEntropy", [logits, labels, weights], {"reduction": reduction, "smoothing": 0.25}, y)
    logits, targets = real(2, 4, low=-30, high=30), real(2, 4, low=0, high=1)
    add(f, f"binary_cross_entropy_with_logits, {reduction}", "bceWithLogits", [logits, targets], {"reduction": reduction}, F.binary_cross_entropy_with_logits(logits, targets, reduction=reduction))

# Sampling.
f = "sample"


class RoiAlign(torch.autograd.Function):
    """Linear in the image: its derivative is what it gives for images of a single one."""

    @staticmethod
    def kernel(image, rois, index, size, ratio, aligned):
        double = onnx.TensorProto.DOUBLE
        node = helper.make_node("RoiAlign", ["x", "rois", "index"], ["y"], output_height=size[0], output_width=size[1], sampling_ratio=ratio, spatial_scale=0.5, coordinate_transformation_mode="half_pixel" if aligned else "output_half_pixel")
        inputs = [helper.make_tensor_value_info(n, t, None) for n, t in [("x", double), ("rois", double), ("index", onnx.TensorProto.INT64)]]
        graph = helper.make_graph([node], "g", inputs, [helper.make_tensor_value_info("y", double, None)])
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 16)], ir_version=10)
        session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
        return session.run(None, {"x": image.numpy(), "rois": rois.numpy(), "index": index.numpy()})[0]

    @staticmethod
    def forward(ctx, image, *call):
        ctx.call, ctx.shape = call, image.shape
        return torch.tensor(RoiAlign.kernel(image.detach().contiguous(), *call))

    @staticmethod
    def backward(ctx, dy):
        n, c, h, w = ctx.shape
        rois, index, *rest = ctx.call
        dx = torch.zeros(ctx.shape, dtype=torch.float64)
        for b in range(n):
            # Images of a single one, as many channels as cells.
            units = torch.zeros(n, h * w, h, w, dtype=torch.float64)
            units[b] = torch.eye(h * w, dtype=torch.float64).reshape(h * w, h, w)
            jacobian = torch.tensor(RoiAlign.kernel(units, rois, index, *rest))
            dx[b] = torch.einsum("rkij,rcij->ck", jacobian, dy).reshape(c, h, w)
        return dx, None, None, None, None, None


for aligned in [True, False]:
    for ratio, size in [(1, (2, 3)), (2, (3, 2)), (3, (1, 1))]:
        image, index = real(2, 5, 6, 2), torch.tensor([1, 0, 1, 0, 1], dtype=torch.int32)
        # One inside; one reaching over every edge; one thinner than a cell; one far outside; one turned round.
        corners = [[1.3, 2.1, 8.9, 11.2], [-3.1, -2.7, 11.3, 14.1], [4.3, 5.1, 4.9, 5.6], [30.1, 31.3, 40.7, 44.9], [7.3, 9.1, 2.2, 3.4]]
        boxes = torch.tensor(corners, dtype=torch.float32).double()
        rois = torch.stack([boxes[:, 1], boxes[:, 0], boxes[:, 3], boxes[:, 2]], 1)
        y = last(RoiAlign.apply(first(image), rois, index.long(), size, ratio, aligned))
        add(f, f"RoiAlign {size}, ratio {ratio}, aligned {aligned}", "roiAlign", [image, boxes, index], {"size": size, "spatialScale": 0.5, "samplingRatio": ratio, "aligned": aligned}, y)
for size in [(5, 2), (1, 7), (3, 4), (6, 9)]:
    for mode, corners in [("halfPixel", False), ("alignCorners", True)]:
        x = real(1, 3, 4, 2)
        add(f, f"interpolate to {size}, {mode}", "resizeBilinear", [x], {"size": size, "mode": mode}, last(F.interpolate(first(x), size, mode="bilinear", align_corners=corners)))
image, index = real(2, 5, 6, 2), torch.tensor([0, 1, 1], dtype=torch.int32)
boxes = real(3, 4, low=0.05, high=0.95, step=977)
ys = boxes[:, 0, None] + (boxes[:, 2] - boxes[:, 0])[:, None] * torch.linspace(0, 1, 4, dtype=torch.float64)
xs = boxes[:, 1, None] + (boxes[:, 3] - boxes[:, 1])[:, None] * torch.linspace(0, 1, 3, dtype=torch.float64)
at = torch.stack([xs[:, None, :].expand(3, 4, 3), ys[:, :, None].expand(3, 4, 3)], -1) * 2 - 1
add(f, "grid_sample at a box's points", "cropAndResize", [image, boxes, index], {"size": [4, 3], "extrapolationValue": 0}, last(F.grid_sample(first(image)[index.long()], at, align_corners=True)))

# Recurrent cells.
f = "recurrent"
for bias in [True, False]:
    x, h, wx, wh = real(3, 2), real(3, 4), real(2, 12), real(4, 12)
    bx, bh = (real(12), real(12)) if bias else (None, None)
    y = torch.gru_cell(x, h, wx.T, wh.T, bx, bh) if bias else torch.func.functional_call(torch.nn.GRUCell(2, 4, bias=False).double(), {"weight_ih": wx.T, "weight_hh": wh.T}, (x, h))
    add(f, f"GRUCell, bias {bias}", "gruCell", [x, h, wx, wh, bx, bh], {}, y)
x, h, c, wh = real(3, 2, 12), real(2, 3), real(2, 3), real(3, 12)
lstm = torch.nn.LSTM(12, 3, bias=False).double()
states, (last_h, last_c) = torch.func.functional_call(lstm, {"weight_ih_l0": torch.eye(12, dtype=torch.float64), "weight_hh_l0": wh.T}, (x, (h[None], c[None])))
add(f, "LSTM", "lstm", [x, h, c, wh], {"whole": True}, [states, last_h[0], last_c[0]])

# Movement.
f = "movement"
table, places = real(4, 3), torch.tensor([[3, 0, 3], [2, 2, 1]], dtype=torch.int32)
add(f, "rows of a table", "gather", [table, places], {}, table[places.long()])
table, places = real(4, 3), torch.tensor([1, 1, 3], dtype=torch.int32)
add(f, "F.embedding", "embedding", [table, places], {}, F.embedding(places.long(), table))
places = torch.tensor([[0, 2], [3, 1]], dtype=torch.int32)
add(f, "one_hot", "oneHot", [places], {"depth": 4}, F.one_hot(places.long(), 4).double())
a, b, c = real(2, 3), real(2, 1), real(2, 0)
add(f, "cat", "concat", [a, b, c], {"axis": 1}, torch.cat([a, b, c], 1))
a, b = whole(1, 2, low=-5, high=5), whole(2, 2, low=-5, high=5)
add(f, "cat of integers", "concat", [a, b], {"axis": 0}, torch.cat([a, b]))
x = real(4, 3)
add(f, "narrow", "slice", [x], {"begin": [1, 0], "size": [2, 2]}, x[1:3, 0:2])
x = real(2, 5)
add(f, "split", "split", [x], {"sizes": [2, 0, 3], "axis": 1}, list(torch.split(x, [2, 0, 3], 1)))
x = real(2, 3)
add(f, "pad", "pad", [x], {"padding": [[1, 0], [0, 2]], "value": 3}, F.pad(x, (0, 2, 1, 0), value=3.0))
x = real(2, 6)
add(f, "reshape", "reshape", [x], {"shape": [3, -1]}, x.reshape(3, -1))
x = real(2, 3, 4)
add(f, "permute", "transpose", [x], {"perm": [2, 0, 1]}, x.permute(2, 0, 1))
x = real(2, 3)
add(f, "tile", "tile", [x], {"reps": [2, 3]}, torch.tile(x, (2, 3)))
x = exact([-2.75, -0.5, 0.5, 1.5, 2.99])
add(f, "to int32, towards zero", "cast", [x], {"dtype": "i32"}, x.detach().to(torch.int32))
x = torch.tensor(np.float32([0.1, 2049.0, 2051.0, 65519.0, 65520.0, 5.97e-8, 2.98e-8, 1e-5]).astype(np.float64))
add(f, "to float16, ties to even, subnormal and too large", "cast", [x], {"dtype": "f16"}, x.to(torch.float16).double())

for family, own in cases.items():
    write(f"torch_{family}.json", f"PyTorch {torch.__version__.split('+')[0]}, ONNX Runtime {onnxruntime.__version__}, NumPy {np.__version__}", own)
